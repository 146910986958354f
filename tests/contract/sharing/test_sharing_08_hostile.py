"""4. Marks that open nothing, 8. oversize and hostile bodies, 9. one bad apple: through the whole application."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from fakes.sharing import Ring, indicator, opened_ring
from sekisho.errors import StoreError
from sekisho.language import Text


def incident(number: int) -> dict[str, object]:
    return {
        "type": "incident", "spec_version": "2.1", "id": f"incident--{UUID(int=number, version=4)}", "name": f"断 {number}",
        "created": "2026-11-18T10:00:00.000Z", "modified": "2026-11-18T10:00:00.000Z",
        "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
    }  # fmt: skip


def test_04_a_mark_opens_nothing(tmp_path: Path) -> None:
    with opened_ring(tmp_path / "hub") as ring:
        ring.join("a").join("b")
        ring.post("a", "failure", *(incident(n) for n in range(9)))
        path = ring.at("failure", "objects")
        mark = ring.ask("a", "GET", path, limit=2).json["next"]
        flipped = mark[:-2] + ("A" if mark[-2] != "A" else "B") + mark[-1]
        for member, query in (
            ("b", {"next": mark}), ("a", {"next": mark[:-4]}), ("a", {"next": flipped}), ("a", {"next": "x" * 5000}),
            ("a", {"next": mark, "match[type]": "note"}),
        ):  # fmt: skip
            assert ring.ask(member, "GET", path, **query).status == 400, query
        assert ring.ask("a", "GET", ring.at("failure", "manifest"), next=mark).status == 400
        tokens = dict(ring.tokens)
    with opened_ring(tmp_path / "hub") as again:
        again.tokens = tokens
        assert len(again.ask("a", "GET", path, next=mark).json["objects"]) == 7


def test_08_too_large_is_refused_before_it_is_read(ring: Ring) -> None:
    ring.join("a")
    path = ring.at("list-in", "objects")
    told = ring.ask("a", "GET", "/sharing/").json["max_content_length"]
    body = b" " * 200_000
    got = ring.ask("a", "POST", path, body, {"content-length": str(told + 1)})
    assert (got.status, ring.pieces_read) == (413, 0)
    # Without a length it is cut at the limit.
    got = ring.ask("a", "POST", path, b" " * (told + 500_000), {"transfer-encoding": "chunked"})
    assert got.status == 413
    assert ring.pieces_read * 65_536 < told + 200_000
    # Nobody who shows no token has anything read of what he sends.
    got = ring.ask("", "POST", path, body)
    assert (got.status, ring.pieces_read) == (401, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"objects":' + b"[" * 100_000, b'{"objects":[{"type":NaN}]}', b'{"objects":[' + b"9" * 5000 + b"]}",
        b'\xef\xbb\xbf{"objects":[{}]}', b'{"objects":[],"objects":[{}]}', b"\x1f\x8b\x08\x00", b"", b"null", b'{"objects":"x"}',
        b'{"objects":[' + b"{}," * 20_000 + b"{}]}", b"\xff\xfe", b'{"objects":[{"a":"\\ud800"}]}',
    ],
    ids=range(13),
)  # fmt: skip
def test_08_hostile_json(ring: Ring, body: bytes) -> None:
    ring.join("a")
    got = ring.ask("a", "POST", ring.at("list-in", "objects"), body)
    assert 400 <= got.status < 500 or (got.status == 202 and got.json["success_count"] == 0), got
    assert ring.post("a", "list-in", indicator())["success_count"] == 1


def test_08_a_marking_can_not_be_smuggled(ring: Ring) -> None:
    ring.join("a")
    text = json.dumps(indicator())
    twice = text[:-1] + ',"object_marking_refs":["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]}'
    got = ring.ask("a", "POST", ring.at("list-in", "objects"), b'{"objects":[' + twice.encode() + b"]}")
    assert got.json["failures"][0]["message"] == "a property is given twice"


def test_09_one_bad_apple(ring: Ring) -> None:
    ring.join("a").join("b")
    some = [incident(number) for number in range(400)]
    some[123] = some[123] | {"modified": "yesterday"}
    told = ring.post("a", "failure", *some)
    assert (told["success_count"], told["failure_count"]) == (399, 1)
    assert told["failures"][0]["id"] == some[123]["id"]
    assert len(ring.objects("b", "failure")) == 399


def test_the_database_gone_is_a_503_that_says_when_to_come_again(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.join("a")
    assert ring.ask("a", "GET", "/taxii2/").status == 200

    def gone(_: str) -> None:
        raise StoreError(Text(ja="ない", en="gone"), "secret-host")

    monkeypatch.setattr(ring.books.tokens, "shown", gone)
    got = ring.ask("a", "GET", "/taxii2/")
    assert (got.status, got.headers["retry-after"]) == (503, "5")
    assert "secret-host" not in got.body.decode()


def test_other_names_and_too_many(ring: Ring) -> None:
    ring.join("a")
    assert ring.ask("a", "GET", "/taxii2/", headers={"host": "evil.example"}).status == 421
    assert ring.ask("", "GET", "/healthz").json == {"status": "ok"}
    page = ring.ask("", "GET", "/").body.decode()
    assert "会社a" in page
    assert "Company a" in page
