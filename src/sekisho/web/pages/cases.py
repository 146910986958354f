"""Cases: who is infected, how it stands, and what a person may do about it next.

The list is filtered by its address and paged by key. A case shows its life, the sentences of its detections with the
flow rows behind them, and the forms of the acts that this reader may do; an act that somebody else overtook is refused
and told, never forced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from starlette.responses import Response

from sekisho.errors import ConflictError, DescriptionError
from sekisho.formats.flow_rows import line_text
from sekisho.formats.written_text import one_line, several_lines
from sekisho.language import Language, Text
from sekisho.model import case_life
from sekisho.model.account import Permission
from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason
from sekisho.model.case_life import Actor, Change, Life
from sekisho.model.identity import Person
from sekisho.model.notice import Channel
from sekisho.ports.cases import CaseFilter
from sekisho.web import filtering
from sekisho.web.acting import split_name
from sekisho.web.asked import Asked
from sekisho.web.case_story import entry, story
from sekisho.web.page import Page, Route
from sekisho.web.telling import CASE_KINDS, CHANNELS, CLOSE_REASONS, GRADE_KINDS, GRADES, trouble_of
from sekisho.workflows import notify

_PAGE, _EXPORTED = 50, 10_000
NOBODY = "-"
_OPEN = "open"
_OFFERED = (
    CloseReason.FALSE_ALARM,
    CloseReason.LEFT,
    CloseReason.NOT_OURS,
    CloseReason.OPTED_OUT,
    CloseReason.OTHER,
)
HEAD = (
    "case", "state", "grade", "line", "key", "family", "methods", "device_model", "detections", "opened", "updated",
    "first_seen", "last_seen", "notified_at", "healed_at", "relapses", "assignee", "close_reason", "merged_into",
)  # fmt: skip
_NONE = Text(ja="その番号の事案はない", en="there is no such case")
_NO_ACT = Text(ja="そのような操作はない", en="there is no such act")


def wanted_of(asked: Asked) -> CaseFilter:
    """Return the filter that an address asks for. :raises DescriptionError: a part of it can't be read."""
    query = asked.query
    chosen = query.get("state", "")
    states = tuple(one for one in CaseState if one.value == chosen or (chosen == _OPEN and one.open))
    if chosen and not states:
        raise DescriptionError(Text(ja="その状態はない", en="there is no such state"), chosen[:60])
    assignee = query.get("assignee", "").strip()
    return CaseFilter(
        states=states,
        subscriber=filtering.line(query.get("line", "")),
        key=query.get("key", "").strip(),
        family=query.get("family", "").strip(),
        device_model=query.get("model", "").strip(),
        assignee="" if assignee == NOBODY else assignee or None,
        since=filtering.moment(asked, "since"),
        until=filtering.moment(asked, "until", ends=True),
    )


def _list(asked: Asked) -> Response:
    wanted, desk, who = wanted_of(asked), asked.office.console.casework, _name(asked)
    if "format" in asked.query:
        return asked.export("cases", HEAD, [_row(one) for one in _every(asked, wanted)])
    page = desk.cases(wanted, after=asked.query.get("after", ""), limit=_PAGE, who=who)
    counts = desk.counts(who=who)
    return asked.page(
        "cases.html",
        found=page,
        counts=counts,
        total=sum(counts.values()),
        open=sum(counts.get(one.value, 0) for one in CaseState if one.open),
        parts=[
            (counts.get(one.value, 0), CASE_KINDS[one.value], one.label.say(asked.language), asked.link(state=one.value, after=None))
            for one in CaseState
        ],
        states=tuple(CaseState),
        filtered=any(asked.query.get(name) for name in ("state", "line", "key", "family", "model", "assignee", "since", "until")),
        since=filtering.day(asked, "since"),
        until=filtering.day(asked, "until", ends=True),
        kinds=CASE_KINDS,
        grades=GRADES,
        grade_kinds=GRADE_KINDS,
        line=line_text,
        nobody=NOBODY,
        trouble=_troubles(asked),
    )  # fmt: skip


def _every(asked: Asked, wanted: CaseFilter) -> Iterator[Case]:
    """Yield what the filter asks for, newest first, as many as a file may hold."""
    after, count = "", 0
    while count < _EXPORTED:
        page = asked.office.console.casework.cases(wanted, after=after, limit=1000, who=_name(asked))
        yield from page.cases
        count, after = count + len(page.cases), page.next
        if not after:
            return


def _row(one: Case) -> tuple[str | int, ...]:
    return (
        one.id, one.state.value, one.grade.value, line_text(one.subscriber), one.key, one.family, " ".join(one.methods),
        one.device_model, one.detections, one.opened, one.updated, one.first_seen, one.last_seen, one.notified_at,
        one.healed_at, one.relapses, one.assignee, one.close_reason, one.merged_into,
    )  # fmt: skip


def _one(asked: Asked) -> Response:
    life = asked.office.console.casework.life(asked.part("id"), who=_name(asked))
    if life is None:
        return asked.problem(404, _NONE, where=asked.part("id"))
    return _shown(asked, life)


def _shown(asked: Asked, life: Life, *, overtaken: int | None = None) -> Response:
    """Show a case; ``overtaken`` is the last entry that the reader knew when somebody else was faster."""
    case, desk, who = life.case, asked.office.console.casework, _name(asked)
    actor = asked.who.actor if asked.who and asked.may(Permission.WORK) else Actor(who, "")
    return asked.page(
        "case.html",
        200 if overtaken is None else 409,
        case=case,
        life=life,
        story=story(asked, life),
        others=[
            one
            for one in desk.cases(CaseFilter(subscriber=case.subscriber), limit=20, who=who).cases
            if one.id != case.id
        ],
        notices=desk.notices(case=case.id, who=who),
        actor=actor,
        handles=actor.role in (case_life.ANALYST, case_life.ADMIN),
        comments=actor.role in (case_life.ANALYST, case_life.SENDER, case_life.ADMIN),
        allowed=lambda to: case_life.allowed(case, to, actor.role),
        steps=_steps(case),
        last=case_life.last_act(life),
        news=[] if overtaken is None else [entry(event, asked.language) for event in _news(life, overtaken)],
        seen=life.events[-1].seq if life.events else 0,
        overtaken=overtaken is not None,
        form=asked.form,
        reasons=[(one.value, CLOSE_REASONS[one]) for one in _OFFERED],
        CaseState=CaseState,
        close_reasons=CLOSE_REASONS,
        channels=CHANNELS,
        ready=case.state in notify.drafting.READY,
        kinds=CASE_KINDS,
        grades=GRADES,
        grade_kinds=GRADE_KINDS,
        line=line_text,
        trouble=_troubles(asked),
    )


def _troubles(asked: Asked) -> Callable[[Case], str]:
    methods = asked.office.console.watch.methods()
    return lambda case: trouble_of(case, methods, asked.language)


def _steps(case: Case) -> list[tuple[CaseState, tuple[str, ...]]]:
    """Return what can come next, and the roles that may make it so."""
    return [
        (
            to,
            tuple(
                role for role in (*case_life.ROLES, case_life.WATCH.role) if case_life.allowed(case, to, role)
            ),
        )
        for (from_, to) in case_life.STEPS
        if from_ is case.state
    ]


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


# Acts ---------------------------------------------------------------------------------------------------------------

_Act = Callable[[Asked, Life, Actor], tuple[Change, ...]]


def _confirm(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    return (case_life.step(life.case, CaseState.CONFIRMED, actor, asked.now),)


def _acknowledge(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    note = several_lines(asked.form.get("note", "").strip())
    return (
        case_life.step(
            life.case, CaseState.ACKNOWLEDGED, actor, asked.now, **({"note": note} if note else {})
        ),
    )


def _notified(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    note = several_lines(asked.form.get("note", "").strip())
    return (
        case_life.step(life.case, CaseState.NOTIFIED, actor, asked.now, **({"note": note} if note else {})),
    )


def _assign(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    return (
        case_life.assign(life.case, one_line(asked.form.get("assignee", "").strip()[:100]), actor, asked.now),
    )


def _model(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    form = asked.form
    return (
        case_life.name_model(
            life.case,
            one_line(form.get("model", "")[:200]),
            one_line(form.get("known_by", "")[:400]),
            actor,
            asked.now,
        ),
    )


def _comment(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    return (case_life.comment(life.case, several_lines(asked.form.get("text", "")), actor, asked.now),)


def _close(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    reason = asked.form.get("reason", "")
    if reason not in _OFFERED:
        raise DescriptionError(Text(ja="終える理由を選ぶ", en="choose why it is closed"), life.case.id)
    note = several_lines(asked.form.get("note", "").strip())
    return (case_life.close(life.case, CloseReason(reason), actor, asked.now, note),)


def _merge(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    return case_life.merge(life, _known(asked, asked.form.get("other", "")), actor, asked.now)


def _split(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    chosen = [name.removeprefix("d-") for name in asked.form if name.startswith("d-")]
    new = split_name(life.case, asked.now, chosen[0] if chosen else "")
    return case_life.split(life, chosen, actor, asked.now, new)


def _undo(asked: Asked, life: Life, actor: Actor) -> tuple[Change, ...]:
    last = case_life.last_act(life)
    other = case_life.partner_of(last) if last and last.kind in {"merged", "split"} else ""
    return case_life.undo(life, _known(asked, other) if other else None, actor, asked.now)


_ACTS: Mapping[str, tuple[_Act, Text]] = {
    "confirm": (_confirm, Text(ja="確認済にした", en="Confirmed")),
    "acknowledge": (_acknowledge, Text(ja="応答ありとした", en="Recorded as acknowledged")),
    "notified": (_notified, Text(ja="注意喚起済とした", en="Recorded as notified")),
    "assign": (_assign, Text(ja="担当を変えた", en="Assigned")),
    "model": (_model, Text(ja="機種を書いた", en="Device model noted")),
    "comment": (_comment, Text(ja="メモを加えた", en="Comment added")),
    "close": (_close, Text(ja="終了した", en="Closed")),
    "merge": (_merge, Text(ja="統合した", en="Merged")),
    "split": (_split, Text(ja="分割した", en="Split")),
    "undo": (_undo, Text(ja="取り消した", en="Undone")),
}


def _known(asked: Asked, identifier: str) -> Life:
    found = asked.office.console.casework.life(identifier.strip(), who=_name(asked))
    if found is None:
        raise DescriptionError(_NONE, identifier[:60])
    return found


def _act(asked: Asked) -> Response:
    return _acted(asked, asked.part("act"))


def _acted(asked: Asked, name: str) -> Response:
    """Do one act on the case that its person saw; when it has changed since, show what happened instead."""
    if name not in _ACTS or asked.who is None or (name == "notified" and not asked.may(Permission.SEND)):
        raise DescriptionError(_NO_ACT, name[:60])
    act, done = _ACTS[name]
    life = _known(asked, asked.part("id"))
    seen = asked.form.get("seen", "")
    known = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 16 else 0  # noqa: PLR2004 - fits any counter
    # A comment stands by itself; everything else was decided on what its person saw.
    if name != "comment" and _news(life, known):
        return _shown(asked, life, overtaken=known)
    try:
        asked.office.console.casework.save(*act(asked, life, asked.who.actor))
    except ConflictError:
        return _shown(asked, _known(asked, life.case.id), overtaken=known)
    return asked.see_other(f"/cases/{life.case.id}", done.say(asked.language))


def _news(life: Life, known: int) -> list[CaseEvent]:
    """Return what happened since; that the watch saw the same line again overtakes nobody."""
    return [event for event in life.events if event.seq > known and event.kind != "detection"]


def _told(asked: Asked) -> Response:
    return _acted(asked, "notified")


def _draft(asked: Asked) -> Response:
    """Draft a notice; nothing is sent, and nobody is looked up for it."""
    case, form = asked.part("id"), asked.form
    channel, language = form.get("channel", ""), form.get("language", "")
    if channel not in tuple(Channel) or language not in tuple(Language) or asked.who is None:
        raise DescriptionError(Text(ja="方法と言語を選ぶ", en="choose a channel and a language"), case)
    with asked.office.console.casework.noticing() as desk:
        person = Person(asked.who.name, asked.who.role)
        office = desk.office(asked.who.name)
        made = notify.draft([case], person, office, channel=Channel(channel), language=Language(language))
    if made.notices:
        return asked.see_other(f"/notices/{made.notices[0].id}")
    why = {
        "no-case": _NONE,
        "not-confirmed": Text(ja="人が確かめた事案ではない", en="nobody has confirmed this case yet"),
        "too-weak": Text(
            ja="証拠が弱すぎる（返答のない試みなど。送信元は偽れる）",
            en="the evidence is too weak (such as attempts without an answer, whose sender can be forged)",
        ),
        "there": Text(ja="今日の同じお知らせがもうある", en="today's notice of this kind is there already"),
    }.get(made.refused.get(case, ""), Text(ja="案を作れない", en="no draft was made"))
    return asked.problem(409, why, where=case)


PAGE = Page(
    "cases",
    Text(ja="事案", en="Cases"),
    (
        Route("GET", "/cases", _list, Permission.SEE),
        Route("GET", "/cases/{id}", _one, Permission.SEE),
        Route("POST", "/cases/{id}/draft", _draft, Permission.WORK, opens=4096),
        Route("POST", "/cases/{id}/notified", _told, Permission.SEND, opens=16_384),
        Route("POST", "/cases/{id}/{act}", _act, Permission.WORK, opens=65_536),
    ),
    order=5,
    sign="案",
)
