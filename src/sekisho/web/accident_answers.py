"""What the law asks of an accident beside its facts: as a form has it, and as it is kept.

Nothing chosen is "nobody has answered", which is never "no".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from sekisho.catalogues.accidents import duty_rules
from sekisho.errors import DescriptionError
from sekisho.formats.incident_words import REASONS
from sekisho.language import Text
from sekisho.model.duty import ThreatEvent, threat_rules
from sekisho.model.incident import Threat
from sekisho.model.timeline import LEAKS, About

_MOST = len("10000000000")
LEAK_WORDS = {
    "secrecy": Text(ja="通信の秘密", en="secrecy of communications"),
    "user-information": Text(ja="特定利用者情報", en="specified user information"),
    "facility-information": Text(ja="設備情報", en="facility information"),
}
#: Questions with yes, no or no answer; those of a threat after them.
ASKED = {
    "stopped_business": Text(ja="業務の一部を停止したか（法8条2項）", en="Was part of the business stopped (Act, Art. 8(2))?"),
    "other_equipment": Text(
        ja="電気通信設備以外の設備の故障で支障があったか（定期報告）", en="Did other equipment than telecom equipment fail (periodic report)?"
    ),
    "designated": Text(ja="特定利用者情報の指定を受けた事業者か", en="Is the carrier designated for user information?"),
    "handed_abroad": Text(ja="外国政府に渡したか", en="Was it handed to a foreign government?"),
}  # fmt: skip
THREAT_ASKED = {
    "terminal_side": Text(ja="端末設備・端末系伝送路か", en="Terminal equipment or access line?"),
    "has_function": Text(
        ja="伝送・交換・制御・運用・加入者管理の機能があるか",
        en="Transmission, switching, control, operation or subscriber management?",
    ),
    "expected": Text(ja="計画か、設計で想定した範囲か", en="Planned, or within the design?"),
    "natural_disaster": Text(ja="自然災害によるか", en="Caused by a natural disaster?"),
    "not_noticed": Text(ja="速やかに気付けなかったか（2026-03まで）", en="Not noticed quickly (to 2026-03)?"),
}
FACILITIES = {
    "base-station": Text(ja="基地局", en="base station"),
    "remote-unit": Text(ja="遠隔収容装置", en="remote unit"),
    "dslam": Text(ja="DSLAM", en="DSLAM"),
}
TICKS = {
    "wholesale_cause": Text(ja="卸元の重大な事故による", en="Caused by the wholesale supplier's own serious accident"),
    "unhurt": Text(ja="利用者への影響がないことは事実である", en="It is a fact that no user was hit"),
    "minor": Text(ja="軽微（報告を要しない）と人が確かめた", en="A person has made sure that it is minor (not reported)"),
}  # fmt: skip
_FLAGS = {"yes": True, "no": False, "": None}
_FAULTS: Mapping[str, Any] = {"yes": True, "no": False, "unknown": "unknown"}
_BOTH = Text(ja="「ない」と、あるものの両方が選ばれている", en="both “none” and something are chosen")
_NO_ANSWER = Text(ja="はい・いいえのどちらでもない", en="neither yes nor no")
_NO_NUMBER = Text(ja="数として読めない", en="not a number")


def events_on(day: date, kept: Threat | None) -> tuple[ThreatEvent, ...]:
    """Return the events of a threat as the rules of that day have them; none before there was such a duty.

    After them those that are on record and that only rules of other days have: a form without them would drop them.
    """
    found = threat_rules(day, duty_rules().threats).events
    told = set((kept.events if kept else None) or ()) - {one.id for one in found}
    others = {one.id: one for rules in duty_rules().threats for one in rules.events if one.id in told}
    return (*found, *others.values())


def answered(about: About, answers: Mapping[str, Any]) -> About:
    """Return what is said of the whole with these answers in it.

    :raises DescriptionError: an event or a leak that no rule knows
    """
    made = msgspec.structs.replace(about, **answers)
    events = {event.id for one in duty_rules().threats for event in one.events}
    for reason, given, known in (
        ("unknown-event", (made.threat.events or ()) if made.threat else (), events),
        ("unknown-leak", made.leaks or (), set(LEAKS)),
    ):
        for one in given:
            if one not in known:
                raise DescriptionError(REASONS[reason], one[:60])
    return made


def of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the answers of a form. :raises DescriptionError: one that contradicts itself or can't be read."""
    threat: dict[str, Any] = {
        "events": _chosen(form, "event"),
        "carrier_users": _number(form, "carrier_users"),
        "prefectures": _number(form, "prefectures"),
        **{name: _flag(form, name) for name in THREAT_ASKED},
    }
    fault = form.get("fault", "yes")
    if fault not in _FAULTS or form.get("facility", "") not in {"", *FACILITIES}:
        raise DescriptionError(_NO_ANSWER, "fault, facility")
    return {
        "leaks": _chosen(form, "leak"),
        "fault": _FAULTS[fault],
        "facility": form.get("facility", ""),
        "leaked_users": _number(form, "leaked_users"),
        "threat": None if all(one is None for one in threat.values()) else Threat(**threat),
        **{name: _flag(form, name) for name in ASKED},
        **{name: form.get(name) == "yes" for name in TICKS},
    }


def form_of(about: About) -> dict[str, str]:
    """Return what a form shows of what is kept: the inverse of `of_form`."""
    words = {True: "yes", False: "no", None: "", "unknown": "unknown"}
    threat = about.threat or Threat()
    shown = {name: words[getattr(about, name)] for name in (*ASKED, "fault")}
    shown |= {name: words[getattr(threat, name)] for name in THREAT_ASKED}
    shown |= {name: "yes" for name in TICKS if getattr(about, name)}
    shown |= {name: _written(getattr(threat, name)) for name in ("carrier_users", "prefectures")}
    shown |= {"facility": about.facility, "leaked_users": _written(about.leaked_users)}
    shown |= dict(_ticked("leak", about.leaks)) | dict(_ticked("event", threat.events))
    return shown


def _ticked(kind: str, chosen: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    if chosen is not None:
        for one in chosen or ("none",):
            yield f"{kind}.{one}", "yes"


def _chosen(form: Mapping[str, str], kind: str) -> tuple[str, ...] | None:
    found = sorted(name.removeprefix(f"{kind}.") for name in form if name.startswith(f"{kind}."))
    if "none" not in found:
        return tuple(found) or None
    if len(found) > 1:
        raise DescriptionError(_BOTH, ", ".join(found)[:200])
    return ()


def _flag(form: Mapping[str, str], name: str) -> bool | None:
    if form.get(name, "") not in _FLAGS:
        raise DescriptionError(_NO_ANSWER, name)
    return _FLAGS[form.get(name, "")]


def _number(form: Mapping[str, str], name: str) -> int | None:
    text = form.get(name, "").strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _MOST):
        raise DescriptionError(_NO_NUMBER, f"{name}: {text[:40]}")
    return int(text)


def _written(number: int | None) -> str:
    return "" if number is None else str(number)
