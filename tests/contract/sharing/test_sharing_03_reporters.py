"""3. Who reported can't be told: worlds in which another member reported the same are the same octets."""

from __future__ import annotations

import json
from pathlib import Path

from fakes.sharing import Ring, indicator, opened_ring
from sekisho.workflows.hub import publish


def seen(ring: Ring, first: str, second: str) -> tuple[bytes, bytes]:
    for name in ("x", "y", "z", "w"):
        ring.join(name)
    places = [(f"198.51.100.{at}", at) for at in range(60)]
    ring.post(first, "list-in", *(
        indicator(address, number=1000 + at, confidence=40, created_by_ref=mine(first)) for address, at in places
    ))  # fmt: skip
    ring.post(second, "list-in", *(
        indicator(address, number=2000 + at, indicator_types=["malicious-activity"]) for address, at in reversed(places)
    ))  # fmt: skip
    publish(ring.books, b"same")
    page = ring.ask("w", "GET", ring.at("list", "objects"), **{"match[type]": "indicator"})
    manifest = ring.ask("w", "GET", ring.at("list", "manifest"), **{"match[type]": "indicator"})
    for got in (page, manifest):
        for name in ("x", "y", "z", mine(first), mine(second)):
            assert f'"{name}"' not in got.body.decode()
    assert len(page.json["objects"]) == 60
    return page.body, manifest.body


def mine(name: str) -> str:
    return f"identity--00000000-0000-4000-8000-{ord(name):012x}"


def test_the_list_is_the_same_whoever_reported(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    with opened_ring(a):
        pass
    b.mkdir()
    for name in ("hub.toml", "hub.key", "hub.db"):
        (b / name).write_bytes((a / name).read_bytes())
    (b / "hub.key").chmod(0o600)
    with opened_ring(a) as one, opened_ring(b) as other:
        assert seen(one, "x", "y") == seen(other, "y", "z")


def test_what_goes_out_has_nothing_of_what_came_in_but_the_place(tmp_path: Path) -> None:
    with opened_ring(tmp_path / "hub") as ring:
        for name in ("x", "y", "w"):
            ring.join(name)
        for number, name in enumerate("xy"):
            ring.post(name, "list-in", indicator(number=number + 1, moment="2026-11-18T10:17:33.123Z"))
        (found,) = ring.published("w").values()
        text = json.dumps(found)
        for trace in ("10:17", "33.123", "00000000-0000-4000"):
            assert trace not in text
        assert found["created_by_ref"] == ring.books.identity
        assert found["valid_from"] == "2026-11-18T10:00:00.000Z"


def test_no_answer_tells_what_another_member_put_in(ring: Ring) -> None:
    """The same object of two members: both hear the same, and neither hears of the other."""
    for name in ("x", "y"):
        ring.join(name)
    first = ring.post("x", "list-in", indicator())
    second = ring.post("y", "list-in", indicator())
    for told in (first, second):
        assert (told["success_count"], told["failure_count"]) == (1, 0)
    other = ring.post(
        "y", "list-in", indicator(family="gafgyt")
    )  # the same id and version, other content: its own
    assert other["failure_count"] == 1
    fresh = ring.post("y", "list-in", indicator(family="gafgyt", number=9))
    assert fresh["failure_count"] == 0
