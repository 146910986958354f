"""13, the small operator: from the invitation to a list that is loaded, what stays when the hub is away, what goes when it is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.command import typed
from fakes.sharing import Ring, indicator, opened_ring
from sekisho.model.indicator import Tlp
from sekisho.model.line_count import day_of
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.watch import Watch
from sekisho.workflows.hub import publish


def lately(ring: Ring, number: int, address: str, **more: Any) -> dict[str, Any]:
    """Return an indicator that was seen an hour ago: clients go by the real clock."""
    moment = f"{day_of(ring.clock[0] - 3_600_000)}T00:00:00.000Z"
    return indicator(address, number=number, seen="handshake", tlp=Tlp.GREEN, moment=moment, **more)


def filled(ring: Ring) -> Ring:
    ring.clock[0] = milliseconds()
    ring.join("a").join("b").join("small", "receive-only")
    for place, member in enumerate("ab"):
        for number, address in enumerate(("198.51.100.7", "198.51.100.8")):
            ring.post(member, "list-in", lately(ring, 10 * place + number, address))
        name = lately(ring, 10 * place + 5, "", pattern="[domain-name:value = 'c2.example.net']")
        ring.post(member, "list-in", name)
    publish(ring.books, b"x")
    return ring


def taken_back(ring: Ring, *numbers: int) -> None:
    """Let both members take something back, and publish that."""
    ring.clock[0] += 2_000
    for place, member in enumerate("ab"):
        for number in numbers:
            (held,) = ring.books.objects.find(
                ring.books.part(ring.ids["list-in"], member),
                _one(10 * place + number),
                limit=1,
                octets=1 << 20,
            ).held
            body = json.loads(held.body) | {
                "revoked": True,
                "modified": f"{day_of(ring.clock[0] - 3_600_000)}T00:00:01.000Z",
            }
            ring.post(member, "list-in", body)
    publish(ring.books, b"y")


def _one(number: int) -> Any:
    from sekisho.ports.sharing import ObjectFilter

    return ObjectFilter((indicator(number=number)["id"],))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "watch"
    folder.mkdir()
    (folder / "watch.toml").write_text('customers = ["192.0.2.0/24"]\nbasis = "not-communication"\n')
    return folder


def joined(ring: Ring, data: Path, url: str, code: int = 0) -> dict[str, Any]:
    token = data.parent / "token"
    token.write_text(ring.tokens["small"])
    token.chmod(0o600)
    done = typed(["hub", "join", url, "--token-file", token, "--data", data, "--json"])
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["list"]
    return found


def test_what_is_taken_back_by_name_goes_and_what_is_only_gone_stays(
    ring: Ring, data: Path, tmp_path: Path
) -> None:
    filled(ring)
    with ring.served() as url:
        file = Path(joined(ring, data, url)["file"])
        assert len(json.loads(file.read_bytes())["indicators"]) == 2
        taken_back(ring, 0)
        assert joined(ring, data, url)["used"] == 1
        before = file.read_bytes()
        # A hub that lost what it had, under the same address, key and all: nothing is taken back by that.
        with opened_ring(tmp_path / "other") as other:
            other.join("small", "receive-only")
            with other.served() as empty:
                assert joined(other, data, empty, 3)["reason"] == "nothing-to-use"
        assert file.read_bytes() == before
        # All of it is taken back, each by its name: that is an answer.
        taken_back(ring, 1)
        told = joined(ring, data, url)
        assert (told["written"], told["used"], told["left_out"]) == (True, 0, {"revoked": 2, "no-address": 1})
        assert json.loads(file.read_bytes())["indicators"] == []
    with Watch(data) as watch:
        assert watch.detectors(("known_cc",), ())[1].used == {}
