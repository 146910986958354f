"""Operations on a case that need more than the case: merging, splitting, undoing, its rules of containment, a notice's draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from sekisho.errors import ConflictError
from sekisho.formats.references import typed
from sekisho.language import Language, Text
from sekisho.model import case_life
from sekisho.model.account import Permission
from sekisho.model.case_life import Actor, Change, Life
from sekisho.model.containment import WARNINGS
from sekisho.model.identity import Person
from sekisho.model.notice import Channel, Notice
from sekisho.web.acting import split_name
from sekisho.web.api.casework import CaseOut, NoticeOut, case_out, notice_out
from sekisho.web.asked import Asked
from sekisho.web.operations import Nothing, Operation, standing
from sekisho.wiring.contain import containment
from sekisho.workflows import notify
from sekisho.workflows.contain import standings_of

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]


class Merging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which case of the same line is merged into the one at ``revision``."""

    other: Id
    revision: Revision


class Splitting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which detections leave the case at ``revision`` for a new one."""

    detections: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=1000)]
    revision: Revision


class Undoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last act of a person on the case at ``revision`` is put back."""

    revision: Revision


class CasesOut(msgspec.Struct, frozen=True):
    """The cases as they are now, the one that was asked for first."""

    cases: tuple[CaseOut, ...]


class Drafting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way out and the language of a notice."""

    channel: Channel
    language: Language


class RuleOut(msgspec.Struct, frozen=True):
    """A rule of containment that was proposed, and where it stands; nothing is applied by Sekisho."""

    id: str
    kind: str
    scope: str
    status: str
    by: str
    made: int
    expires: int
    who: str
    at: int
    lines: int | None
    warnings: tuple[str, ...]
    undo: str


class RulesOut(msgspec.Struct, frozen=True):
    """The rules of a case, in the order of their proposal."""

    rules: tuple[RuleOut, ...]


class RuleFileOut(msgspec.Struct, frozen=True):
    """One file of a rule: what to load, what takes it back, and how; ``apply`` is empty when it may only be taken back."""

    name: str
    apply: str
    undo: str
    how: str
    how_undo: str


class RuleFilesOut(msgspec.Struct, frozen=True):
    """The files of a rule."""

    files: tuple[RuleFileOut, ...]


def _life(asked: Asked, identifier: str) -> Life | None:
    return asked.office.console.casework.life(identifier, who=asked.who.name if asked.who else "")


def _acted(asked: Asked, revision: int, act: Callable[[Life, Actor], tuple[Change, ...]]) -> CasesOut | None:
    """Do an act on a case as its caller saw it; somebody else's change in between is a conflict."""
    life = _life(asked, asked.part("id"))
    if life is None or asked.who is None:
        return None
    seen, actor = Life(msgspec.structs.replace(life.case, revision=revision), life.events), asked.who.actor
    changed = asked.office.console.casework.save(*standing(lambda: act(seen, actor)))
    return CasesOut(tuple(map(case_out, changed)))


def _merge(asked: Asked, _query: Any, body: Merging) -> CasesOut | None:
    other = _life(asked, body.other)
    if other is None:
        return None
    return _acted(asked, body.revision, lambda life, actor: case_life.merge(life, other, actor, asked.now))


def _split(asked: Asked, _query: Any, body: Splitting) -> CasesOut | None:
    def act(life: Life, actor: Actor) -> tuple[Change, ...]:
        new = split_name(life.case, asked.now, body.detections[0])
        return case_life.split(life, body.detections, actor, asked.now, new)

    return _acted(asked, body.revision, act)


def _undo(asked: Asked, _query: Any, body: Undoing) -> CasesOut | None:
    def act(life: Life, actor: Actor) -> tuple[Change, ...]:
        last = case_life.last_act(life)
        other = case_life.partner_of(last) if last and last.kind in {"merged", "split"} else ""
        return case_life.undo(life, _life(asked, other) if other else None, actor, asked.now)

    return _acted(asked, body.revision, act)


def _draft(asked: Asked, _query: Any, body: Drafting) -> NoticeOut | None:
    """Draft a notice; nothing is sent, and nobody is looked up for it."""
    case = asked.part("id")
    if asked.who is None or _life(asked, case) is None:
        return None
    with asked.office.console.casework.noticing() as desk:
        person, office = Person(asked.who.name, asked.who.role), desk.office(asked.who.name)
        made = standing(
            lambda: notify.draft([case], person, office, channel=body.channel, language=body.language)
        )
    if made.notices:
        return notice_out(made.notices[0])
    raise ConflictError(Text(ja="案を作れない", en="no draft was made"), made.refused.get(case, "")[:60])


def _rules(asked: Asked, _query: Any, _body: None) -> RulesOut | None:
    life = _life(asked, asked.part("id"))
    if life is None:
        return None
    return RulesOut(
        tuple(
            RuleOut(
                one.proposal.id, one.proposal.kind.value, one.proposal.match.scope.value, one.status.value, one.proposal.by,
                one.proposal.made, one.proposal.expires, one.who, one.at, one.proposal.radius.lines if one.proposal.radius.measured else None,
                tuple(WARNINGS[name].say(asked.language) for name in one.proposal.warnings if name in WARNINGS),
                one.proposal.undo.say(asked.language),
            )
            for one in standings_of(life.events, asked.now)
        )
    )  # fmt: skip


def _rule_text(asked: Asked, _query: Any, _body: Nothing) -> RuleFilesOut | None:
    """Write the text of a rule; that it was asked for is in the audit log before."""
    case, rule = asked.part("id"), asked.part("rule")
    life = _life(asked, case)
    if asked.who is None or life is None:
        return None
    if all(one.proposal.id != rule for one in standings_of(life.events, asked.now)):
        return None
    person = Person(asked.who.name, asked.who.role)
    with containment(asked.office.console.folder) as held:
        files = standing(lambda: held.text(case, rule, person))
    say = asked.language
    return RuleFilesOut(
        tuple(
            RuleFileOut(one.name, one.apply, one.undo, one.how.say(say), one.how_undo.say(say))
            for one in files
        )
    )


class NoticeText(msgspec.Struct, frozen=True):
    """A notice with its words; ``digest`` is what an approval or a change of them must name."""

    notice: NoticeOut
    subject: str
    body: str


class Rewording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New words for the notice whose words had this ``digest``; an approval of the old ones is void."""

    digest: Annotated[str, msgspec.Meta(max_length=100)]
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"\S")]
    body: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000, pattern=r"\S")]


class Withdrawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a notice is taken back before it went out."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"\S")]


def _text(one: Notice) -> NoticeText:
    return NoticeText(notice_out(one), one.subject, one.body)


def _found(asked: Asked) -> Notice | None:
    who = asked.who.name if asked.who else ""
    return asked.office.console.casework.notice(typed(asked.part("id")), who=who)


def _notice(asked: Asked, _query: Any, _body: None) -> NoticeText | None:
    found = _found(asked)
    return _text(found) if found else None


def _on_notice(asked: Asked, act: Callable[[Notice, Person, notify.Office], Notice]) -> NoticeText | None:
    found = _found(asked)
    if found is None or asked.who is None:
        return None
    person = Person(asked.who.name, asked.who.role)
    with asked.office.console.casework.noticing() as desk:
        return _text(standing(lambda: act(found, person, desk.office(person.name))))


def _reword(asked: Asked, _query: Any, body: Rewording) -> NoticeText | None:
    def act(found: Notice, person: Person, office: notify.Office) -> Notice:
        if found.digest != body.digest:
            raise ConflictError(
                Text(ja="読んだ後に文が変わっている", en="the words have changed since"), found.id
            )
        words = "\n".join(body.body.splitlines()).strip("\n") + "\n"
        return notify.revise(found.id, body.subject.strip(), words, person, office)

    return _on_notice(asked, act)


def _withdraw(asked: Asked, _query: Any, body: Withdrawing) -> NoticeText | None:
    return _on_notice(
        asked, lambda found, person, office: notify.withdraw(found.id, person, body.reason.strip(), office)
    )


OPERATIONS = (
    Operation(
        "POST", "/api/v1/cases/{id}/merge", "mergeCases", Text(ja="別の事案を統合する", en="Merge another case into a case"),
        Permission.WORK, _merge, CasesOut, body=Merging, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/split", "splitCase", Text(ja="検出を新しい事案に分ける", en="Split detections off into a new case"),
        Permission.WORK, _split, CasesOut, body=Splitting, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/undo", "undoCase", Text(ja="最後の操作を取り消す", en="Undo the last act on a case"),
        Permission.WORK, _undo, CasesOut, body=Undoing, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/notices", "draftNotice", Text(ja="お知らせの案を作る", en="Draft a notice"),
        Permission.WORK, _draft, NoticeOut, body=Drafting, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/cases/{id}/rules", "listRules", Text(ja="事案の封じ込めの規則", en="Rules of containment of a case"),
        Permission.SEE, _rules, RulesOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/rules/{rule}", "writeRule", Text(ja="規則の文を書く（監査記録に残る）", en="Write the text of a rule (recorded)"),
        Permission.WORK, _rule_text, RuleFilesOut, body=Nothing, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/notices/{id}", "getNotice", Text(ja="お知らせとその文", en="A notice with its words"), Permission.SEE,
        _notice, NoticeText, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/notices/{id}/text", "rewordNotice", Text(ja="お知らせの文を直す", en="Change the words of a notice"),
        Permission.WORK, _reword, NoticeText, body=Rewording, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/notices/{id}/withdraw", "withdrawNotice", Text(ja="お知らせを取り下げる", en="Withdraw a notice"),
        Permission.WORK, _withdraw, NoticeText, body=Withdrawing, others=(404, 409),
    ),
)  # fmt: skip
