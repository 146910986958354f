"""4. What a member wrote nobody writes over, nobody speaks for the hub, and no answer tells what others hold."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from uuid import UUID

from fakes.sharing import MOMENT, NOW, Ring, grant, opened_ring
from sekisho.exchange.lanes import failure
from sekisho.formats.stix_marking import WRITTEN
from sekisho.formats.stix_object import ObjectFault
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Right
from sekisho.model.sharing import Collection, rfc3339
from sekisho.wiring.hub import open_hub, random_step


def incident(number: int = 1, tlp: Tlp = Tlp.GREEN, **more: Any) -> dict[str, Any]:
    return {
        "type": "incident", "spec_version": "2.1", "id": f"incident--{UUID(int=number, version=4)}", "created": MOMENT,
        "modified": MOMENT, "name": "core down", "object_marking_refs": [WRITTEN[tlp]], **more,
    }  # fmt: skip


def test_the_first_owner_of_an_id_owns_it(ring: Ring) -> None:
    ring.join("a").join("b")
    ring.post("a", "failure", incident())
    later = {"modified": "2026-11-18T11:00:00.000Z"}
    told = ring.post("b", "failure", incident(name="all fine", **later))
    assert told["failure_count"] == 1
    assert "drawn at random" in told["failures"][0]["message"]
    assert [one["name"] for one in ring.objects("b", "failure")] == ["core down"]
    assert ring.post("a", "failure", incident(name="still down", **later))["success_count"] == 1
    assert [one["name"] for one in ring.objects("b", "failure")] == ["still down"]


def test_nothing_from_the_future_and_nothing_in_the_name_of_the_hub(ring: Ring) -> None:
    ring.join("a")
    for more in (
        {"modified": "2099-01-01T00:00:00.000Z"}, {"modified": rfc3339((NOW + 301_000) * 1000)},
        {"created_by_ref": ring.books.identity},
    ):  # fmt: skip
        assert ring.post("a", "failure", incident(**more))["failure_count"] == 1, more
    assert ring.post("a", "failure", incident(modified=rfc3339((NOW + 299_000) * 1000)))["success_count"] == 1


def test_a_guess_about_a_red_object_is_answered_alike(ring: Ring) -> None:
    ring.join("a").join("b")
    ring.post("a", "failure", incident(tlp=Tlp.RED, name="secret"))
    told = [
        ring.post("b", "failure", incident(tlp=Tlp.RED, name=name))["failures"]
        for name in ("secret", "wrong")
    ]
    assert told[0] == told[1]


def test_an_address_that_another_holds_in_secret_is_told_to_nobody(ring: Ring) -> None:
    name = str(UUID(int=9, version=4))
    ring.books.collections.found(Collection(name, "Open", "", "open"))
    ring.books.forget()
    ring.ids["open"] = name
    for member in "ab":
        grant(ring.join(member).books, Right(member, name, True, True, Tlp.GREEN), "op")
    red, green = (
        {"type": "ipv4-addr", "id": f"ipv4-addr--{UUID(int=n, version=5)}", "value": f"198.51.100.{n}"}
        for n in (1, 2)
    )
    ring.post("a", "open", red)
    ring.clock[0] += 5000
    told = ring.post("b", "open", red, green)["successes"]
    assert {one["version"][:19] for one in told} == {rfc3339((NOW + 5000) * 1000)[:19]}
    # Each has its own, and what is open to all is the first one's.
    assert [len(ring.objects(member, "open")) for member in "ab"] == [1, 2]
    plain = green | {
        "id": f"ipv4-addr--{UUID(int=3, version=5)}",
        "object_marking_refs": [WRITTEN[Tlp.CLEAR]],
    }
    assert ring.post("a", "open", plain)["success_count"] == 1
    assert ring.post("b", "open", plain | {"defanged": True})["failure_count"] == 1


def test_gaps_between_times_of_adding_tell_no_count(tmp_path: Path) -> None:
    with opened_ring(tmp_path / "hub"):
        pass
    with open_hub(tmp_path / "hub", lambda: NOW) as desk:
        ring = Ring(desk, [NOW]).join("a").join("b")
        ring.post("a", "failure", *(incident(n) for n in range(40)))
        rows = ring.ask("b", "GET", ring.at("failure", "manifest")).json["objects"]
    added = [one["date_added"] for one in rows]
    assert len({int(b[-7:-1]) - int(a[-7:-1]) for a, b in itertools.pairwise(added)}) > 5
    assert 20 < sum(random_step() for _ in range(4000)) / 4000 < 80


def hides(one: dict[str, Any]) -> bool:
    try:
        failure.check({name: one[name] for name in one if name != "name" or one["type"] == "incident"})
    except ObjectFault as fault:
        return "hidden" in str(fault)
    return False


def test_what_is_read_is_what_was_written(ring: Ring) -> None:
    """No sign that hides, or turns the direction of, what a member writes to all the others."""
    ring.join("a")
    signs = ("\u202e", "\x07", "\x00", "\u2066", "\u061c", "\u200b", "\u2028", "\U000e0041")
    for number, sign in enumerate(signs):
        told = ring.post("a", "failure", incident(number + 1, name=f"core{sign}down"))
        assert told["failure_count"] == 1, repr(sign)
    for more in (
        {"labels": ["\u202ezz"]}, {"type": "note", "content": "c", "authors": ["\u202eabc"], "object_refs": []},
        {"external_references": [{"source_name": "x", "description": "\u202egnp.exe"}]},
    ):  # fmt: skip
        assert hides(incident(1, **more)), more
    assert not hides(incident(1, description="core\u3000down", labels=["ok"]))
    told = ring.post("a", "failure", incident(9, description="since 9:00\n\tcore, 回線断"))
    assert told["success_count"] == 1
