"""The sharing hub for the people who run it: what stands now and why, who shares, the ledger, and what a person decides.

Members never come here: they ask the hub's own server. Numbers of fewer groups of members than k are told only to who
works on them; the ledger to who may send, and each look at it is on the hub's own record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from starlette.responses import Response

from sekisho.errors import SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.corroboration import IndicatorState, Standing, Use
from sekisho.model.membership import MemberRole, MemberState
from sekisho.model.sealing import REASONS
from sekisho.model.standing_words import STATES, USES, reason_words
from sekisho.ports.hub import StandingFilter
from sekisho.web import hub_others
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.web.telling import ACTS
from sekisho.wiring.console_hub import HubRoom

_PAGE, _EXPORTED = 50, 20_000
_NO_HUB = Text(ja="この画面にはハブがない", en="this console has no hub")
_TO_DO = Text(ja="sekisho serve --hub フォルダー で開く", en="open it with sekisho serve --hub FOLDER")
_NONE = Text(ja="その指標・会員はない", en="there is no such indicator or member")
STATE_KINDS: Mapping[IndicatorState, str] = {
    IndicatorState.CANDIDATE: "none", IndicatorState.CONFIRMED: "fail", IndicatorState.HELD: "inconclusive",
    IndicatorState.DORMANT: "not-applicable", IndicatorState.RETIRED: "not-applicable",
}  # fmt: skip
NAMES = {
    IndicatorState.CANDIDATE: Text(ja="候補", en="candidate"),
    IndicatorState.CONFIRMED: Text(ja="確認済み", en="confirmed"),
    IndicatorState.HELD: Text(ja="保留", en="held"),
    IndicatorState.DORMANT: Text(ja="休眠", en="dormant"),
    IndicatorState.RETIRED: Text(ja="廃止", en="retired"),
}
KINDS_OF_USE = {
    "cc": Text(ja="指令サーバー", en="C&C server"),
    "download": Text(ja="配布元", en="download host"),
    "reflector": Text(ja="反射に使われる機器", en="reflector"),
}
EVIDENCE = {
    "handshake": Text(ja="通信手順の確認", en="protocol handshake"),
    "sinkhole": Text(ja="シンクホール", en="sinkhole"),
    "flow": Text(ja="フロー分析", en="flow analysis"),
    "honeypot": Text(ja="ハニーポット", en="honeypot"),
    "copied": Text(ja="他の一覧の写し", en="copied feed"),
}
ROLES = {
    MemberRole.FULL: Text(ja="特定会員", en="full"),
    MemberRole.RECEIVE_ONLY: Text(ja="受信専用", en="receive-only"),
    MemberRole.MAKER: Text(ja="製造者", en="maker"),
    MemberRole.PARTNER: Text(ja="連携先", en="partner"),
}
MEMBER_STATES = {
    MemberState.ACTIVE: (Text(ja="参加中", en="active"), "pass"),
    MemberState.SUSPENDED: (Text(ja="停止中", en="suspended"), "inconclusive"),
    MemberState.LEFT: (Text(ja="退会", en="left"), "not-applicable"),
}
HUB_ACTS: Mapping[str, Text] = {
    **ACTS,
    "verify": Text(ja="正しいと確かめた", en="found it true"),
    "refute": Text(ja="誤りと確かめた", en="found it false"),
}


def _room(asked: Asked) -> HubRoom | None:
    return asked.office.console.hub


def _without(asked: Asked) -> Response:
    return asked.problem(404, _NO_HUB, _TO_DO)


def _whole(asked: Asked) -> bool:
    return asked.may(Permission.WORK)


def _wanted(asked: Asked) -> StandingFilter:
    """Return the filter of the address; an address stands for itself and for the host's own network."""
    query = asked.query

    def one(name: str, known: set[str]) -> tuple[str, ...]:
        return (query[name],) if query.get(name) in known else ()

    text = query.get("value", "").strip().lower().rstrip(".")[:253]
    try:
        values: tuple[str, ...] = (str(ip_network(text, strict=False)),) if text else ()
    except ValueError:
        values = (text,)
    family = query.get("family", "").strip()[:100]
    return StandingFilter(
        one("state", set(IndicatorState)), one("grade", set(Use)), one("use", set(KINDS_OF_USE)),
        (family,) if family else (), values,
    )  # fmt: skip


def _feed(asked: Asked) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    wanted = _wanted(asked)
    if "format" in asked.query:
        head = (
            "id", "kind", "value", "port", "protocol", "use", "family", "state", "grade", "tlp", "since", "first", "last",
            "reason", "said",
        )  # fmt: skip
        return asked.export("hub", head, _rows(asked, room, wanted))
    page = room.listed(wanted, after=asked.query.get("after", ""), limit=_PAGE)
    said = room.sentences(page.standings, whole=_whole(asked))
    tallies = room.tallies()
    return asked.page(
        "hub.html",
        rows=list(zip(page.standings, said, strict=True)),
        next=page.next,
        filtered=wanted != StandingFilter(),
        parts=[
            (sum(n for (name, _), n in tallies.items() if name == state), STATE_KINDS[state], text.say(asked.language),
             f"/hub?state={state.value}")
            for state, text in NAMES.items()
        ],
        usable={grade: tallies.get(("confirmed", grade.value), 0) for grade in (Use.BLOCK, Use.WATCH)},
        **_words(),
    )  # fmt: skip


def _words() -> dict[str, Any]:
    return {
        "states": STATES, "names": NAMES, "state_kinds": STATE_KINDS, "uses": KINDS_OF_USE, "grades": USES, "why": reason_words,
        "place": place,
    }  # fmt: skip


def place(one: Standing) -> str:
    """Return an indicator as people read it: host and port."""
    host = one.value
    if one.kind == "address":
        network = ip_network(one.value)
        host = str(network.network_address) if network.num_addresses == 1 else one.value
        host = f"[{host}]" if ":" in host and one.port else host
    return f"{host}:{one.port}" if one.port else host


def _rows(asked: Asked, room: HubRoom, wanted: StandingFilter) -> Iterator[tuple[str | int, ...]]:
    after, count = "", 0
    while count < _EXPORTED:
        page = room.listed(wanted, after=after, limit=1_000)
        for one, said in zip(
            page.standings, room.sentences(page.standings, whole=_whole(asked)), strict=True
        ):
            yield (
                one.id, one.kind, one.value, one.port, one.protocol, one.use, one.family, one.state.value, one.grade.value,
                one.level.name, one.since, one.first, one.last, one.reason, said.say(asked.language),
            )  # fmt: skip
        count, after = count + len(page.standings), page.next
        if not after:
            return


def _indicator(asked: Asked, problem: SekishoError | None = None) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    found = room.indicator(asked.part("id"), whole=_whole(asked))
    if found is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    return asked.page(
        "hub_indicator.html", status=400 if problem else 200, one=found.standing, found=found, evidence=EVIDENCE,
        acts=HUB_ACTS, problem=problem, form=asked.form, **_words(),
    )  # fmt: skip


def _verify(asked: Asked) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    true = asked.form.get("true", "")
    try:
        if true in ("yes", "no"):
            room.verify(
                asked.part("id"), actor(asked).name, true=true == "yes", reason=asked.form.get("reason", "")
            )
    except SekishoError as error:
        if room.indicator(asked.part("id"), whole=False) is None:
            return asked.problem(404, _NONE, where=asked.part("id")[:80])
        return _indicator(asked, error)
    return asked.see_other(
        f"/hub/indicators/{asked.part('id')}",
        asked.t("記録した。点数を付け直した", "On record, and weighed anew"),
    )


def _disputes(asked: Asked, problem: SekishoError | None = None) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    found = room.disputes()
    return asked.page(
        "hub_disputes.html", status=400 if problem else 200, open=[one for one in found if not one[0].decided],
        decided=[one for one in found if one[0].decided][:_PAGE], count=len(found), problem=problem, **_words(),
    )  # fmt: skip


def _decide(asked: Asked) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    decision = asked.form.get("decision", "")
    try:
        if decision in ("upheld", "dismissed"):
            room.decide(
                asked.form.get("id", ""), actor(asked).name, upheld=decision == "upheld",
                reason=asked.form.get("reason", ""),
            )  # fmt: skip
    except SekishoError as error:
        return _disputes(asked, error)
    return asked.see_other(
        "/hub/disputes", asked.t("決めた。次の配布から効く", "Decided: it holds from the next release")
    )


def _members(asked: Asked) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    every, after = room.members(), asked.query.get("after", "")
    rest = [one for one in every if one.id > after]
    return asked.page(
        "hub_members.html", members=rest[:_PAGE], next=rest[_PAGE - 1].id if len(rest) > _PAGE else "", count=len(every),
        roles=ROLES, member_states=MEMBER_STATES,
    )  # fmt: skip


def _member(asked: Asked) -> Response:
    room = _room(asked)
    if room is None:
        return _without(asked)
    found = room.member(asked.part("id"))
    if found is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    return asked.page(
        "hub_member.html",
        one=found.member,
        found=found,
        roles=ROLES,
        member_states=MEMBER_STATES,
        key_reasons=REASONS,
        **_words(),
    )


def _ledger(asked: Asked) -> Response:
    room, who = _room(asked), actor(asked)
    if room is None:
        return _without(asked)
    page = room.ledger(
        who.name, who.role, carrier=asked.query.get("carrier", "").strip()[:80], after=asked.query.get("after", ""),
        limit=_EXPORTED if "format" in asked.query else _PAGE,
    )  # fmt: skip
    if "format" in asked.query:
        head = ("id", "received", "supplier", "carrier", "notified", "receipt", "expires", "items_kept")
        return asked.export(
            "hub-ledger", head,
            [(one.id, one.received, one.supplier, one.carrier, one.notified, one.receipt, one.expires,
              int(bool(one.log_items))) for one in page.entries],
        )  # fmt: skip
    return asked.page("hub_ledger.html", entries=page.entries, next=page.next)


PAGE = Page(
    "hub",
    Text(ja="共有ハブ", en="Sharing hub"),
    (
        Route("GET", "/hub", _feed, Permission.SEE),
        Route("GET", "/hub/indicators/{id}", _indicator, Permission.SEE),
        Route("POST", "/hub/indicators/{id}", _verify, Permission.SEND, opens=4096, fresh=True),
        Route("GET", "/hub/disputes", _disputes, Permission.WORK),
        Route("POST", "/hub/disputes", _decide, Permission.SEND, opens=4096, fresh=True),
        Route("GET", "/hub/members", _members, Permission.WORK),
        Route("GET", "/hub/members/{id}", _member, Permission.WORK),
        Route("GET", "/hub/ledger", _ledger, Permission.SEND),
        *hub_others.ROUTES,
    ),
    order=8,
    sign="共",
    of_hub=True,
)
