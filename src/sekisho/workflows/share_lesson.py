"""Make the objects of a lesson for the failure lane of a hub: exactly what would leave, or why it must not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sekisho.errors import DescriptionError
from sekisho.exchange.lanes import failure
from sekisho.formats.incident_words import SERVICES
from sekisho.formats.stix_marking import WRITTEN
from sekisho.formats.stix_object import ObjectFault
from sekisho.language import Text
from sekisho.model.compliance import Operator
from sekisho.model.indicator import Tlp
from sekisho.model.learning import Countermeasure
from sekisho.model.lesson import Written, fiscal_year, size_of, spoken, traces
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import Details, Fact

LEVELS = {"clear": Tlp.CLEAR, "green": Tlp.GREEN, "amber": Tlp.AMBER, "amber+strict": Tlp.AMBER_STRICT}
_LONGEST = 4_000
_EMPTY = Text(ja="起きたことと学んだことを書く", en="write what happened and what was learnt")
_LEVEL = Text(ja="TLP は clear・green・amber・amber+strict", en="TLP is clear, green, amber or amber+strict")
_TRACES = Text(
    ja="誰の事故か分かることが書いてある。書き直す",
    en="a text tells whose accident it was; write it without that",
)
_KINDS = {
    "mail": Text(ja="メールアドレス", en="mail address"),
    "address": Text(ja="アドレス", en="address"),
    "name": Text(ja="ドメイン名", en="domain name"),
    "telephone": Text(ja="電話番号", en="telephone number"),
    "number": Text(ja="AS番号", en="AS number"),
    "known": Text(ja="記録にある名前", en="a name on record"),
}
_SUFFIXES = ("都", "府", "県", "市", "区", "町", "村")
_SHORTEST = 3


class Ids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ids of a lesson's two objects, drawn once, and when it was first made (milliseconds)."""

    incident: str
    note: str
    created: int


def names_of(
    operator: Operator, facts: Iterable[Fact], said: Details, people: Iterable[str]
) -> tuple[str, ...]:
    """Return the names that must not be in a lesson: of the operator, places, people, equipment."""
    places = {place for one in operator.sites for place in (one.name, one.prefecture, one.municipality)}
    places |= {one.area for one in facts if one.area not in ("", "*")}
    short = {one[:-1] for one in places if len(one) >= _SHORTEST and one.endswith(_SUFFIXES)}
    own = {operator.name, said.operator, said.contact, said.place, said.address, said.representative}
    staff = {one.name for one in operator.engineers} | {one.name for one in operator.installers} | set(people)
    others = {one.other_operator for one in operator.sites}
    equipment = {one.equipment for one in facts}
    return tuple(sorted((own | places | short | staff | others | equipment) - {""}))


def compose(
    written: Written, ruling: Ruling, cause: str, measures: Sequence[Countermeasure], names: Iterable[str], ids: Ids, now: int
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return an ``incident`` and a ``note`` (STIX 2.1) of the failure lane.

    :raises DescriptionError: something is missing, too long, or tells whose accident it was
    """
    if not written.happened.strip() or not written.learned.strip():
        raise DescriptionError(_EMPTY)
    if written.tlp not in LEVELS:
        raise DescriptionError(_LEVEL, written.tlp[:20])
    texts = [written.happened, written.learned, cause, *(one.text for one in measures)]
    if sum(map(len, texts)) > _LONGEST:
        raise DescriptionError(Text(ja="長すぎる（4,000字まで）", en="too long (4,000 signs at most)"))
    found = traces(texts, names)
    if found:
        told = ", ".join(f"{_KINDS[one.kind].ja} / {_KINDS[one.kind].en}: {one.words}" for one in found[:10])
        raise DescriptionError(_TRACES, told)
    users, hours, services = size_of(ruling.incident)
    head = [
        f"fiscal year {fiscal_year(ruling.incident)}",
        ", ".join(spoken(SERVICES[one]) for one in services),
        spoken(hours),
        spoken(users),
    ]
    common = {
        "spec_version": "2.1", "created": _time(ids.created), "modified": _time(max(now, ids.created)), "labels": ["lesson"],
        "object_marking_refs": [WRITTEN[LEVELS[written.tlp]]],
    }  # fmt: skip
    incident = {
        "type": "incident", "id": ids.incident, **common, "name": f"事故の教訓 / lesson: {cause or '—'}",
        "description": "\n".join((" · ".join(filter(None, head)), written.happened.strip())),
    }  # fmt: skip
    lines = [written.learned.strip(), *(f"・{one.text}" for one in measures)]
    note = {
        "type": "note", "id": ids.note, **common, "abstract": "学んだことと対策 / what was learnt, and measures",
        "content": "\n".join(lines), "object_refs": [ids.incident],
    }  # fmt: skip
    try:
        for one in (incident, note):
            failure.check(one)
    except ObjectFault as fault:
        raise DescriptionError(
            Text(ja="共有の場の決まりに合わない", en="the lane of failures doesn't take it"), fault.what
        ) from fault
    return incident, note


def _time(milliseconds: int) -> str:
    """Return a STIX time, in whole minutes."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC).replace(second=0, microsecond=0)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
