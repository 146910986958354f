"""9. One bad apple can't take everything back, nor again and again; who is no member disputes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from fakes.sharing import MOMENT, Ring, indicator, opened_ring
from sekisho.model.corroboration import IndicatorState
from sekisho.model.membership import MemberState
from sekisho.workflows.hub import set_state


def opinion(number: int, *ids: str) -> dict[str, Any]:
    return {
        "type": "opinion", "spec_version": "2.1", "id": f"opinion--{UUID(int=number, version=4)}", "created": MOMENT,
        "modified": MOMENT, "opinion": "disagree", "object_refs": list(ids),
    }  # fmt: skip


def filled(ring: Ring, count: int) -> list[str]:
    for name in "abp":
        ring.join(name)
    for at, name in enumerate("ab"):
        some = (indicator(f"198.51.100.{n}", number=at * 100 + n + 1) for n in range(count))
        ring.post(name, "list-in", *some)
    found = [one["id"] for one in ring.published("p").values()]
    ring.clock[0] += 1000
    return found


def test_one_member_keeps_off_no_more_than_the_bound(tmp_path: Path) -> None:
    with opened_ring(tmp_path / "hub", open_disputes=3, opinion_refs=2) as ring:
        ids = filled(ring, 6)
        told = ring.post("p", "list-in", opinion(1, *ids[:3]))
        assert "object_refs" in told["failures"][0]["message"]
        told = ring.post(
            "p", "list-in", opinion(2, *ids[:2]), opinion(3, ids[2]), opinion(4, ids[3]), opinion(5, ids[0])
        )
        assert [one["id"] for one in told["failures"]] == [opinion(4)["id"]]
        assert "at most 3 open disputes" in told["failures"][0]["message"]
        listed = [one for one in ring.published("a").values() if "revoked" not in one]
        assert sorted(one["id"] for one in listed) == sorted(ids[3:])


def test_who_is_suspended_disputes_nothing(ring: Ring) -> None:
    (there,) = filled(ring, 1)
    ring.post("p", "list-in", opinion(1, there))
    assert ring.standing("198.51.100.0").reason == "disputed"
    set_state(ring.books, "p", MemberState.SUSPENDED, "op", "test")
    assert ring.standing("198.51.100.0").state is IndicatorState.CONFIRMED
    set_state(ring.books, "p", MemberState.ACTIVE, "op", "test")
    assert ring.standing("198.51.100.0").reason == "disputed"


def test_who_only_receives_may_disagree_and_report_nothing(ring: Ring) -> None:
    """It is the one whose customers are cut off by a wrong entry."""
    (there,) = filled(ring, 1)
    ring.join("kita", "receive-only")
    refused = ring.post("kita", "list-in", indicator("198.51.100.9", number=900))["failures"]
    assert "only receives" in refused[0]["message"]
    assert ring.post("kita", "list-in", opinion(1, there))["success_count"] == 1
    assert ring.standing("198.51.100.0").reason == "disputed"


def test_why_somebody_disagrees_names_no_line(ring: Ring) -> None:
    (there,) = filled(ring, 1)
    for number, why in enumerate(
        (
            "victim 150.9.1.1 Yamada",
            "call 03-1234-5678",
            "2001:db8::7",
            "noc@a.example",
            "00:11:22:33:44:55",
            "a\u202eb",
            "2026-11-20-1234567",
            "CVE-2024-03123456789",
            "2026-11-20 03-1234-5678",
        )
    ):
        told = ring.post("p", "list-in", opinion(number + 1, there) | {"explanation": why})
        assert told["failure_count"] == 1, why
    fair = (
        "our own sensor",
        "誤検知　自社のサーバー",
        "wrong since 2026-11-20",
        "CVE-2024-12345 is patched: it is ours",
    )
    for number, why in enumerate(fair):
        told = ring.post("p", "list-in", opinion(20 + number, there) | {"explanation": why})
        assert told["success_count"] == 1, why
    assert ring.books.disputes.disputes()[0].reason in fair
