"""10. A client that nobody here wrote (taxii2-client), and 13. a small operator with nothing but a token and a URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from taxii2client.exceptions import InvalidJSONError
from taxii2client.v21 import Collection, Server, as_pages

from fakes.command import typed
from fakes.sharing import Ring, indicator
from sekisho.exchange.lists import read_list
from sekisho.workflows.hub import publish

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def collections(url: str, ring: Ring, member: str) -> dict[str, Any]:
    server = Server(f"{url}/taxii2/", user=member, password=ring.tokens[member])
    assert server.title == "試験ハブ"
    assert server.default.title == "試験ハブ"
    names = {identifier: alias for alias, identifier in ring.ids.items()}
    return {names[one.id]: one for one in server.default.collections}


def test_10_taxii2_client_writes_and_reads(ring: Ring) -> None:
    ring.join("a").join("b").join("c", "receive-only")
    with ring.served() as url:
        mine, theirs, reader = (collections(url, ring, name) for name in "abc")
        assert set(reader) == {"list", "list-in", "evidence", "failure"}  # there it may disagree
        for number, found in enumerate((mine, theirs)):
            sent = [indicator(f"198.51.100.{at}", number=number * 100 + at + 1) for at in range(25)]
            status = found["list-in"].add_objects({"objects": [*sent, {"type": "indicator"}]})
            assert (status.status, status.success_count, status.failure_count) == ("complete", 25, 1)
        publish(ring.books)
        pages = list(as_pages(reader["list"].get_objects, per_request=7))
        found = [one for page in pages for one in page["objects"]]
        assert len(pages) == 4
        assert len({one["id"] for one in found}) == 26
        some = found[3]["id"]
        assert reader["list"].get_object(some)["objects"][0]["id"] == some
        assert len(reader["list"].get_manifest(type="indicator")["objects"]) == 25
        assert reader["list"].object_versions(some)["versions"]
        for page in as_pages(reader["list"].get_objects, per_request=100, added_after="2100-01-01T00:00:00Z"):
            assert page.get("objects", []) == []
        wrong = Collection(reader["list"].url, user="a", password=ring.tokens["a"][:-1] + "x")
        with pytest.raises((InvalidJSONError, OSError)):
            wrong.get_objects()


def test_10_what_goes_out_is_what_stix_asks_and_our_own_reader_takes(ring: Ring) -> None:
    ring.join("a").join("b")
    for number, name in enumerate("ab"):
        ring.post(name, "list-in", indicator(number=number + 1))
        domain = indicator(number=number + 10, pattern="[domain-name:value = 'C2.example.net']")
        assert ring.post(name, "list-in", domain)["failure_count"] == 0
    patterns = ring.published("a")
    assert "[domain-name:value = 'c2.example.net']" in patterns
    bundle = {"type": "bundle", "id": f"bundle--{UUID(int=1, version=4)}", "objects": list(patterns.values())}
    from sekisho.exchange.lists import Limits

    read = read_list(json.dumps(bundle).encode(), "hub", limits=Limits(allow=frozenset({"documentation"})))
    assert [(one.network, one.port) for one in read.indicators] == [("198.51.100.7/32", 23)]


def test_13_feeds_and_what_is_unchanged(ring: Ring) -> None:
    ring.join("a").join("b").join("small", "receive-only")
    for number, name in enumerate("ab"):
        ring.post(name, "list-in", indicator(number=number + 1), indicator(
            number=number + 10, pattern="[domain-name:value = 'c2.example.net']"
        ))  # fmt: skip
    publish(ring.books)
    for form, words in {
        "txt": "198.51.100.7", "csv": "address,198.51.100.7,23", "json": '"198.51.100.7"', "nft": "198.51.100.7 . tcp . 23",
        "rpz": "*.c2.example.net CNAME rpz-passthru.", "unbound": 'local-zone: "c2.example.net." inform',
        "suricata": "alert tcp any any -> 198.51.100.7 23",
        "flowspec": "match { destination 198.51.100.7/32; destination-port =23; } then { action sample; }",
    }.items():  # fmt: skip
        got = ring.ask("small", "GET", f"/feed/watch.{form}")
        assert got.status == 200
        assert words in got.body.decode()
        assert "TLP:AMBER" in got.body.decode() or '"AMBER"' in got.body.decode()
        again = ring.ask(
            "small", "GET", f"/feed/watch.{form}", headers={"if-none-match": got.headers["etag"]}
        )
        assert (again.status, again.body) == (304, b"")
        assert (
            words not in ring.ask("small", "GET", f"/feed/block.{form}").body.decode()
        )  # 51 is no score to block by
    manifest = ring.ask("small", "GET", "/feed/misp/manifest.json").json
    (event,) = manifest
    told = ring.ask("small", "GET", f"/feed/misp/{event}.json").json["Event"]["Attribute"]
    assert sorted(one["value"] for one in told) == ["198.51.100.7|23", "c2.example.net"]
    assert ring.ask("small", "GET", "/feed/misp/hashes.csv").body.count(b"\n") == 3
    for path in ("/feed/watch.exe", "/feed/", "/feed/misp/other.json", "/feed/../etc"):
        assert ring.ask("small", "GET", path).status == 404
    assert ring.ask("", "GET", "/feed/watch.txt").status == 401


def test_13_join_brings_the_list_into_the_watch(ring: Ring, tmp_path: Path) -> None:
    ring.join("a").join("b").join("small", "receive-only")
    for number, name in enumerate("ab"):
        ring.post(name, "list-in", indicator(number=number + 1))
    publish(ring.books)
    data = tmp_path / "watch"
    data.mkdir()
    (data / "watch.toml").write_text('customers = ["192.0.2.0/24"]\nbasis = "not-communication"\n')
    token = tmp_path / "token"
    token.write_text(ring.tokens["small"] + "\n")
    token.chmod(0o600)
    with ring.served() as url:
        words = ["hub", "join", url, "--token-file", token, "--data", data, "--json"]
        done = typed(words)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)["list"]
        assert (told["written"], told["used"]) == (True, 1)
        held = Path(told["file"]).read_bytes()
        assert b"198.51.100.7/32" in held
        assert ring.tokens["small"].encode() not in held
    # The hub is gone: the list stays.
    assert typed(words).returncode == 3
    assert Path(told["file"]).read_bytes() == held
