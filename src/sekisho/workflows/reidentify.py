"""The verb re-identify: the one way from a pseudonym to a subscriber (condition 3 and 5 of the legal page).

A case that is open (or a rule that is still applied to its line), a legal ground that the handling catalogue has for every
stage on the way, a reason, a named person who may, and, when the settings say so, a second person. What is asked, and what is refused, is in the audit log before
anything is looked up; how it ended is in it before anything is told. Nothing here writes a name anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Network
from typing import Any, NoReturn, Protocol

import msgspec

from sekisho.catalogues.handling import Handling
from sekisho.errors import NOTHING, AuthorisationError, SekishoError
from sekisho.language import Text
from sekisho.model.assignment import Answer, Outcome
from sekisho.model.audit import AuditEntry
from sekisho.model.case import Case
from sekisho.model.detection import CLOCK_SKEW
from sekisho.model.identity import ROLE_HINT, Contact, Identified, Naming, Person
from sekisho.model.purpose import LegalBasis, Stage
from sekisho.model.verdict import Scalar
from sekisho.ports.cases import Assignments, AuditLog, CaseStore, Contacts

REQUEST, IDENTIFY, IDENTIFIED, REFUSED = "request-re-identify", "re-identify", "re-identified", "refused"
#: The stages that a re-identification touches: its legal ground must be allowed for each.
STAGES = (Stage.CASE, Stage.ASSIGNMENT, Stage.CONTACT)
_MOST_MOMENTS = 64
_LONGEST = 500
_PAGE = 1000

REFUSALS: Mapping[str, Text] = {
    "nobody": Text(ja="誰が求めるのか名前がない", en="nobody is named who asks"),
    "role": Text(
        ja="この人の役割（sender・admin 以外）では契約者を特定できない",
        en="this person's role may not learn who a subscriber is (sender or admin may)",
    ),
    "reason": Text(ja="理由がない（500字まで、一行）", en="there is no reason (one line, up to 500 signs)"),
    "basis": Text(
        ja="この根拠では契約者を特定できない", en="a subscriber may not be identified on that legal ground"
    ),
    "other-basis": Text(
        ja="データは別の根拠で保有しているので、この根拠では契約者を特定できない",
        en="the data are held on another legal ground, so a subscriber may not be identified on this one",
    ),
    "no-case": Text(ja="その事案はない", en="there is no such case"),
    "closed": Text(ja="事案が終わっている", en="the case is no longer open"),
    "past": Text(ja="事案の保存期限が過ぎている", en="the case is past the time it may be kept"),
    "future": Text(
        ja="検出の時刻が未来にあり、いつの割当を調べるべきか決められない（フローの時計か時間帯が違う）",
        en="the detections lie in the future: whose address it was can't be told (the flows' clock or zone is wrong)",
    ),
    "four-eyes": Text(
        ja="二人目の承認が要る：先に一人が申請し、別の人が番号を示して開示する",
        en="a second person is needed: one requests, another one releases it by its number",
    ),
    "no-request": Text(ja="その番号の申請はない", en="there is no request of that number"),
    "other-request": Text(
        ja="申請された事案又は根拠と違う", en="the request was for another case or legal ground"
    ),
    "same-person": Text(
        ja="申請した本人は開示できない（同じ名前、又は同じ利用者アカウント）",
        en="who requested may not release (the same name, or the same user account)",
    ),
    "expired": Text(ja="申請の期限が過ぎた", en="the request has expired"),
    "spent": Text(ja="その申請は使用済み", en="the request was used already"),
    "key": Text(
        ja="このプロセスの利用者は仮名化の鍵を読めない（鍵は別の役割が持つ）",
        en="the user of this process may not read the key of the pseudonyms (another role holds it)",
    ),
}


#: The refusals that say something of one case or one request only; any other would meet every case alike.
OF_ONE_REQUEST = frozenset({"no-request", "other-request", "same-person", "expired", "spent"})
OF_ONE_CASE = frozenset({"no-case", "closed", "past", "future"}) | OF_ONE_REQUEST


class Refused(AuthorisationError):
    """A re-identification that is refused; ``why`` is an id of `REFUSALS`. The refusal is in the audit log."""

    def __init__(self, why: str, where: str) -> None:
        super().__init__(REFUSALS[why], where, ROLE_HINT if why == "role" else NOTHING)
        self.why = why


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to know, on which ground and why.

    ``undoing`` is the id of a containment rule in force on the line: what is done to a subscriber is taken back also when
    the case is over.
    """

    case: str
    basis: LegalBasis
    reason: str
    undoing: str = ""


class Door(Protocol):
    """What leads back from a pseudonym; its making needs the key."""

    def reveal(self, subscriber: int) -> IPv4Address | IPv6Network | None:
        """Return the address or prefix of a line."""
        ...


class Parts(msgspec.Struct, frozen=True):
    """What re-identification is married with.

    ``door`` reads the key; ``assignments`` and ``contacts`` pass the gate of their purpose: each may refuse.
    ``ground`` is the one that the data of cases are held on: what it does not lead to is refused (None: all that ``rules``
    have). ``in_force`` says whether a rule (second argument) is applied to the line of a case and not taken back.
    """

    cases: CaseStore
    audit: AuditLog
    door: Callable[[], Door]
    assignments: Callable[[], Assignments]
    contacts: Callable[[], Contacts]
    rules: Mapping[Stage, Handling]
    now: Callable[[], int]
    four_eyes: bool = False
    request_milliseconds: int = 86_400_000
    in_force: Callable[[str, str], bool] = lambda _case, _rule: False
    ground: LegalBasis | None = None


def request(asked: Asked, person: Person, parts: Parts) -> int:
    """Record what the first of two persons asks for; return the number by which the second one releases it.

    :raises AuthorisationError: it would be refused now already; the refusal is in the audit log
    """
    _permitted(asked, person, parts)
    return _append(REQUEST, asked, person, parts).seq


def reidentify(asked: Asked, person: Person, parts: Parts, *, released: int = 0) -> Identified:
    """Return who the subscriber of a case is, or that it can't be told; ``released`` is the number of a request.

    :raises AuthorisationError: refused, and why; the refusal is in the audit log already
    :raises StoreError: the audit log can't be written (nothing is looked up then), or a log of assignments can't be read
    """
    case = _permitted(asked, person, parts)
    if released:
        _check_request(released, asked, person, parts)
    elif parts.four_eyes:
        _refuse("four-eyes", asked, person, parts)
    door, assignments, contacts = _opened(asked, person, parts)
    entry = _append(IDENTIFY, asked, person, parts, request=released)
    if released and _spent(released, parts, before=entry.seq):  # two released it in the same moment
        _refuse("spent", asked, person, parts, request=released)
    sightings = _sightings(case, parts.cases)
    found = _identified(case, door, assignments, contacts, _moments(case, sightings), entry.seq)
    found = msgspec.structs.replace(found, flows=sum(int(one.get("rows") or 0) for one in sightings))
    if found.outcome is Naming.OPTED_OUT:
        _append(REFUSED, asked, person, parts, of=IDENTIFY, why="opted-out", entry=entry.seq)
    _append(IDENTIFIED, asked, person, parts, outcome=found.outcome.value, entry=entry.seq)
    return found


def offered(basis: LegalBasis, person: Person, parts: Parts) -> dict[str, int]:
    """Return, by case, the newest request that ``person`` may release now: of somebody else, not expired, not used."""
    found: dict[Scalar, str] = {}
    for entry in _behind(0, parts.audit):
        if entry.act == REQUEST and entry.basis == basis.value and "undoing" not in entry.details:
            if _running(entry, parts) and not _same(entry, person):
                found[entry.seq] = entry.object
        elif entry.act == IDENTIFY:
            found.pop(entry.details.get("request", 0), None)
    return {case: number for number, case in found.items() if isinstance(number, int)}


def _permitted(asked: Asked, person: Person, parts: Parts) -> Case:
    if not _plain(person.name):
        _refuse("nobody", asked, person, parts)
    if person.role is None or not person.role.identifies:
        _refuse("role", asked, person, parts)
    if not _plain(asked.reason):
        _refuse("reason", asked, person, parts)
    if any(asked.basis not in parts.rules[stage].basis for stage in STAGES):
        _refuse("basis", asked, person, parts)
    if parts.ground and not parts.ground.leads_to(asked.basis):
        _refuse("other-basis", asked, person, parts, held=str(parts.ground))
    case = parts.cases.case(asked.case)
    if case is None:
        _refuse("no-case", asked, person, parts)
    if not case.state.open and not (asked.undoing and parts.in_force(case.id, asked.undoing)):
        _refuse("closed", asked, person, parts)
    # As `stores.database.expiry` has it: so long after its last change, and never longer than the maximum in all.
    rule = parts.rules[Stage.CASE]
    if min(case.updated + rule.milliseconds, case.opened + rule.most_milliseconds) <= parts.now():
        _refuse("past", asked, person, parts)
    # Who had the address then is not decided yet: whoever has it now would be named for somebody else's doing.
    if any(at > parts.now() + CLOCK_SKEW for _, at in _moments(case, _sightings(case, parts.cases))):
        _refuse("future", asked, person, parts)
    return case


def _plain(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST and text.isprintable()


def _check_request(number: int, asked: Asked, person: Person, parts: Parts) -> None:
    entry = next(iter(parts.audit.entries(number - 1, 1)), None)
    if entry is None or entry.seq != number or entry.act != REQUEST:
        _refuse("no-request", asked, person, parts, request=number)
    wanted = (asked.case, asked.basis.value, asked.undoing)
    if (entry.object, entry.basis, entry.details.get("undoing", "")) != wanted:
        _refuse("other-request", asked, person, parts, request=number)
    if _same(entry, person):
        _refuse("same-person", asked, person, parts, request=number)
    if not _running(entry, parts):
        _refuse("expired", asked, person, parts, request=number)
    if _spent(number, parts):
        _refuse("spent", asked, person, parts, request=number)


def _running(entry: AuditEntry, parts: Parts) -> bool:
    return entry.at <= parts.now() < entry.at + parts.request_milliseconds


def _same(entry: AuditEntry, person: Person) -> bool:
    """Say whether two are one: by name however it is written, or by the user account that typed both names."""

    def folded(name: str) -> str:
        return unicodedata.normalize("NFKC", name).casefold().strip()

    return folded(entry.who) == folded(person.name) or bool(
        person.via and entry.details.get("via") == person.via
    )


def _spent(number: int, parts: Parts, before: int = 0) -> bool:
    for entry in _behind(number, parts.audit):
        if before and entry.seq >= before:
            return False
        if entry.act == IDENTIFY and entry.details.get("request") == number:
            return True
    return False


def _behind(number: int, audit: AuditLog) -> Iterator[AuditEntry]:
    while page := audit.entries(number, _PAGE):
        yield from page
        number = page[-1].seq


def _opened(asked: Asked, person: Person, parts: Parts) -> tuple[Door, Assignments, Contacts]:
    """Open what the way back needs; whatever may not be opened is a refusal like any other."""
    try:
        door = parts.door()
    except SekishoError as error:
        _refuse("key", asked, person, parts, cause=error)
    try:
        return door, parts.assignments(), parts.contacts()
    except AuthorisationError as error:
        _append(REFUSED, asked, person, parts, of=IDENTIFY, why="purpose", where=error.where)
        raise


def _sightings(case: Case, cases: CaseStore) -> tuple[Mapping[str, Any], ...]:
    """Return what a case holds; a sighting that was taken out of it again says nothing about it."""
    sightings: dict[str, Mapping[str, Any]] = {}
    for event in cases.events(case.id):
        for one in event.body.get("adds", ()):
            sightings[str(one["id"])] = one
        for name in event.body.get("drops", ()):
            sightings.pop(name, None)
    return tuple(sightings.values())


def _moments(case: Case, sightings: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    """Return (port of the line, milliseconds) of what a case holds; its first and last moment when nothing says."""
    found = dict.fromkeys(moment for one in sightings for moment in _told(one))
    moments = sorted(found, key=lambda one: one[1])[-_MOST_MOMENTS:]
    return tuple(moments or sorted({(0, case.first_seen), (0, case.last_seen)}))


def _told(one: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield the moments of a sighting: those with the line's own port when it has them, else its two ends."""
    said = one.get("moments")
    if said:
        yield from ((int(port), int(at)) for port, at in said)
    else:
        yield from ((0, int(one["begin"])), (0, int(one["end"])))


def _identified(
    case: Case, door: Door, assignments: Assignments, contacts: Contacts,
    moments: tuple[tuple[int, int], ...], entry: int,
) -> Identified:  # fmt: skip
    line = door.reveal(case.subscriber)
    if line is None:
        return Identified(Naming.NO_LINE, entry, case.id)
    address = str(line.network_address if isinstance(line, IPv6Network) else line)
    answers = tuple(assignments.look_up([(address, port, at) for port, at in moments]))
    outcome, account = _judged(answers)
    contact: Contact | None = None
    if outcome is Naming.FOUND:
        contact = contacts.contact(account)
        if contact is None:
            outcome = Naming.NO_CONTACT
        elif contact.opted_out:
            outcome = Naming.OPTED_OUT
    if outcome is not Naming.FOUND:
        bare = tuple(Answer(one.outcome) for one in answers)
        return Identified(outcome, entry, case.id, moments=moments, answers=bare)
    return Identified(outcome, entry, case.id, account, str(line), contact, moments, answers)


def _judged(answers: Sequence[Answer]) -> tuple[Naming, str]:
    """Return one account only when nothing among the answers speaks for another one."""
    named = {one.account for one in answers if one.outcome is Outcome.FOUND}
    doubtful = [one for one in answers if one.outcome is Outcome.AMBIGUOUS]
    if len(named) == 1:
        (account,) = named
        if all(any(it.account == account for it in one.candidates) for one in doubtful):
            return Naming.FOUND, account
    if named or doubtful:
        return Naming.AMBIGUOUS, ""
    gap = any(one.outcome is Outcome.GAP for one in answers)
    return (Naming.GAP if gap else Naming.NO_DATA), ""


def _append(act: str, asked: Asked, person: Person, parts: Parts, **details: Scalar) -> AuditEntry:
    said = {
        name: value
        for name, value in ({"via": person.via, "undoing": asked.undoing} | details).items()
        if value not in {"", 0}
    }
    role = person.role.value if person.role else ""
    return parts.audit.append(
        person.name, role, act, asked.case, at=parts.now(), basis=asked.basis.value,
        reason=asked.reason[:_LONGEST], details=said,
    )  # fmt: skip


def _refuse(
    why: str,
    asked: Asked,
    person: Person,
    parts: Parts,
    *,
    cause: SekishoError | None = None,
    **details: Scalar,
) -> NoReturn:
    _append(REFUSED, asked, person, parts, of=IDENTIFY, why=why, **details)
    where = f"{asked.case} ({person.name or '-'})"
    raise Refused(why, f"{where}: {cause.where}" if cause else where) from cause
