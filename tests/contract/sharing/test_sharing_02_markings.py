"""2. A marking that is raised holds for what was said before as well."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from fakes.sharing import MOMENT, NOW, Ring
from sekisho.formats.stix_marking import WRITTEN
from sekisho.model.indicator import Tlp


def incident(number: int = 1, tlp: Tlp = Tlp.GREEN, **more: Any) -> dict[str, Any]:
    return {
        "type": "incident", "spec_version": "2.1", "id": f"incident--{UUID(int=number, version=4)}", "created": MOMENT,
        "modified": MOMENT, "name": "core down", "object_marking_refs": [WRITTEN[tlp]], **more,
    }  # fmt: skip


def test_a_stricter_marking_takes_the_earlier_versions_along(ring: Ring) -> None:
    ring.join("a").join("b")
    later = {"modified": "2026-11-18T11:00:00.000Z"}

    def shown(who: str = "b") -> list[str]:
        return [one["name"] for one in ring.objects(who, "failure", **{"match[version]": "all"})]

    ring.post("a", "failure", incident(name="v1"), incident(2, name="other"))
    assert shown() == ["v1", "other"]
    ring.post("a", "failure", incident(name="v2", tlp=Tlp.RED, **later))
    assert shown() == ["other"]
    assert shown("a") == ["v1", "other", "v2"]
    # A version of before that comes after it, too; one of after it is what it says.
    ring.post("a", "failure", incident(name="v0", modified="2026-11-18T10:00:00.500Z"))
    assert shown() == ["other"]
    ring.post("a", "failure", incident(name="v3", modified="2026-11-18T11:00:01.000Z"))
    assert shown() == ["other", "v3"]
    # It is of the sender's own alone.
    ring.post("b", "failure", incident(2, name="not b's", tlp=Tlp.RED, **later))
    assert "other" in shown()


def test_what_a_halt_left_open_is_made_up_for_when_it_is_sent_again(ring: Ring) -> None:
    ring.join("a").join("b")
    ring.post("a", "failure", incident(name="v1"))
    stricter = incident(name="v2", tlp=Tlp.RED, modified="2026-11-18T11:00:00.000Z")
    # Stored, and then the hub was gone: the earlier version is marked in a second step.
    one = ring.books.offered(json.dumps(stricter), owner="a", tlp=Tlp.RED)
    ring.books.objects.add(ring.ids["failure"], [one], NOW * 1000 + 1)
    assert [held["name"] for held in ring.objects("b", "failure")] == ["v1"]
    assert ring.post("a", "failure", stricter)["success_count"] == 1
    assert ring.objects("b", "failure") == []
