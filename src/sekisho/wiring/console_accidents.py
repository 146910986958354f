"""Accidents as the console keeps them: facts by and by, a verdict at any moment, documents with versions and signatures."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.formats.written_text import readable
from sekisho.language import Language, Text
from sekisho.model.accident_record import AccidentRecord, DocumentVersion, SignOff, Told, ended_at, version_of
from sekisho.model.draft import Change, Draft, Kind, Signature, changes
from sekisho.model.staff_name import StaffName, named, within_json
from sekisho.model.timeline import Fact, TimelineError, What, in_force

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.ruling import Ruling
    from sekisho.stores.database import SqlAccidents
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk
    from sekisho.wiring.staff_names import Hidden, StaffNames

_MOST_FACTS = 2_000
#: How far ahead of this machine's clock the clock of a source may go.
_AHEAD = 5 * 60_000
_LATER = Text(
    ja="今より5分を超えて後の時刻の事実は記録できない（年の書き誤りでないか確かめる）",
    en="a fact more than five minutes ahead of now can't be kept (check its year)",
)
_NO_TEXT = Text(ja="件名に文字でないものがある", en="signs that are no text in the subject")
_TOO_MANY = Text(ja="事実が多すぎる（2,000まで）", en="too many facts (2,000 at most)")


class Version(msgspec.Struct, frozen=True):
    """A version as it is shown: the document with its signature, and what changed since the version before."""

    kept: DocumentVersion
    draft: Draft
    signed: SignOff | None
    changes: tuple[Change, ...]
    first: bool


class AccidentDesk:
    """What is kept of accidents. Every change is in the audit log before it happens."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk, names: StaffNames) -> None:
        self._folder = folder
        self._keeping = keeping
        self._names = names

    @property
    def _store(self) -> SqlAccidents:
        self._folder.ready()
        from sekisho.stores.database import SqlAccidents

        return SqlAccidents(self._folder.database)

    def find(self, *, after: str = "", limit: int = 50) -> tuple[AccidentRecord, ...]:
        """Return accidents, newest first. :raises DescriptionError: ``after`` is no key of a page."""
        return self._shown(self._store.find(after=after, limit=limit))

    def accident(self, identifier: str) -> AccidentRecord | None:
        """Return one; None when there is none of that id."""
        found = self._store.accident(identifier)
        return self._shown([found])[0] if found else None

    def judged(self, told: Told, at: int) -> Ruling:
        """Judge by what was known at that moment. :raises DescriptionError: the facts contradict themselves."""
        return _ruled(Told(told.about, _numbered(told.facts)), at)

    def open(self, told: Told, actor: Actor) -> AccidentRecord:
        """Keep a new accident. :raises DescriptionError: its facts contradict themselves."""
        now, identifier = self._folder.now(), f"A{secrets.token_hex(6)}"
        named = Told(msgspec.structs.replace(told.about, id=identifier), told.facts)
        record = self._filled(
            AccidentRecord(identifier, "", 0, 0, "", now, now, actor.name, ""), named, actor
        )
        self._keeping.record(actor.name, actor.role, "open-accident", identifier)
        return self._saved(record, actor)

    def change(self, record: AccidentRecord, told: Told, actor: Actor) -> AccidentRecord:
        """Keep what is said now. :raises ConflictError: somebody was faster. :raises DescriptionError: contradictions."""
        changed = self._filled(record, told, actor)
        self._keeping.record(
            actor.name, actor.role, "change-accident", record.id, details={"facts": len(told.facts)}
        )
        return self._saved(changed, actor)

    def add_fact(
        self,
        record: AccidentRecord,
        cells: Mapping[str, str],
        zone: tzinfo,
        actor: Actor,
        *,
        instead: int = 0,
    ) -> AccidentRecord:
        """Add one fact, written as in a row of CSV; ``instead`` of another, counted from 1, which stays on record.

        :raises DescriptionError: it can't be read, contradicts others, or there is none of that number
        """
        from sekisho.formats.incident_file import read_fact

        told = record.told()
        fact = read_fact(cells, f"№{len(told.facts) + 1}", zone)
        taken = (self._taken_back(told, instead, actor),) if instead else ()
        return self.change(record, Told(told.about, (*told.facts, *taken, fact)), actor)

    def withdraw(self, record: AccidentRecord, number: int, actor: Actor) -> AccidentRecord:
        """Take a fact back, counted from 1: it stays on record and is no longer judged.

        :raises DescriptionError: there is none of that number, or the others don't go together without it
        """
        told = record.told()
        fact = self._taken_back(told, number, actor)
        changed = self._filled(record, Told(told.about, (*told.facts, fact)), actor)
        self._keeping.record(actor.name, actor.role, "withdraw-fact", record.id, details={"fact": number})
        return self._saved(changed, actor)

    def _taken_back(self, told: Told, number: int, actor: Actor) -> Fact:
        line = f"№{len(told.facts) + 1}"
        time = datetime.fromtimestamp(self._folder.now() / 1000, UTC)
        return Fact(time, What.WITHDRAWN, line, source=actor.name, withdraws=number)

    def draft(
        self,
        record: AccidentRecord,
        kind: Kind,
        language: Language,
        zone: tzinfo,
        actor: Actor,
        duty: str = "",
    ) -> DocumentVersion:
        """Keep the next version of a document; the last one when nothing has changed since.

        ``duty``: which one a detailed report answers to. :raises DescriptionError: there is no such duty
        """
        from sekisho.workflows.draft_accident import draft

        told, hidden = self._hidden(record.told(), actor)
        now = self._folder.now()
        made = draft(kind, told.about, self.judged(told, now), language, zone, duty)
        versions = self._store.documents(record.id, made.key)
        if versions:
            last = versions[0].draft()
            if last.language is language and last.title == made.title and not changes(last, made):
                return self._known([versions[0]])[0]
        kept = version_of(made, versions[0].version + 1 if versions else 1, now, hidden.name(actor.name))
        self._keeping.record(
            actor.name, actor.role, "draft-document", record.id,
            details={"kind": kept.kind, "version": kept.version, "sha256": kept.digest},
        )  # fmt: skip
        self._store.add(kept)
        return self._known([kept])[0]

    def documents(self, identifier: str) -> tuple[tuple[DocumentVersion, SignOff | None], ...]:
        """Return every version with its signature, newest first within a kind.

        Their bodies are those that digests are of: names in them stand as tokens (`version` shows them).
        """
        store = self._store
        signatures, documents = store.signatures(identifier), store.documents(identifier)
        names = self._names.show([*(one.name for one in signatures), *(one.made_by for one in documents)])
        signed = {
            (one.kind, one.version): msgspec.structs.replace(one, name=named(one.name, names))
            for one in signatures
        }
        return tuple(
            (
                msgspec.structs.replace(one, made_by=named(one.made_by, names)),
                signed.get((one.kind, one.version)),
            )
            for one in documents
        )

    def version(self, identifier: str, kind: str, number: int) -> Version | None:
        """Return one version; None when there is none. :raises ConflictError: somebody altered it in the database."""
        every = self.documents(identifier)
        found = next((one for one in every if (one[0].kind, one[0].version) == (kind, number)), None)
        if found is None:
            return None
        kept, signed = found
        if not kept.whole or (signed and signed.digest != kept.digest):
            raise ConflictError(
                Text(ja="保存した書類が書き換えられている", en="the kept document was altered"),
                f"{identifier} {kind} {number}",
            )
        before = next((one for one, _ in every if (one.kind, one.version) == (kind, number - 1)), None)
        names = self._names.show([kept.body, before.body if before else ""])
        draft = _draft(kept, names)
        return Version(
            kept,
            msgspec.structs.replace(draft, signed=Signature(signed.name, signed.at) if signed else None),
            signed,
            changes(_draft(before, names), draft) if before else (),
            before is None,
        )

    def signed_between(self, begin: int, end: int) -> int:
        """Return how many documents were signed off between two moments."""
        return self._store.signed_between(begin, end)

    def sign(self, identifier: str, kind: str, number: int, actor: Actor) -> SignOff:
        """Sign a version off by name. :raises ConflictError: it is signed already, or was altered."""
        found = self.version(identifier, kind, number)
        if found is None:
            raise DescriptionError(Text(ja="その版はない", en="there is no such version"), f"{kind} {number}")
        name = self._names.hide((), actor.name).name(actor.name)
        signature = SignOff(identifier, kind, number, name, self._folder.now(), found.kept.digest)
        self._keeping.record(
            actor.name, actor.role, "sign-document", identifier,
            details={"kind": kind, "version": number, "sha256": found.kept.digest},
        )  # fmt: skip
        self._store.sign(signature)
        return msgspec.structs.replace(signature, name=actor.name)

    def _saved(self, record: AccidentRecord, actor: Actor) -> AccidentRecord:
        """Store it with tokens in the place of names; return it as it is read."""
        told, hidden = self._hidden(record.told(), actor)
        body = told.encoded()
        kept = msgspec.structs.replace(record, body=body, changed_by=hidden.name(record.changed_by))
        return self._shown([self._store.save(kept)])[0]

    def _hidden(self, told: Told, actor: Actor) -> tuple[Told, Hidden]:
        """Return what is said without names of staff: of who acts, whom the ministry may ask, and sources known as people."""
        report = told.about.report
        hidden = self._names.hide((), actor.name, report.contact, report.representative) | self._names.known(
            *{one.source for one in told.facts}
        )
        facts = tuple(
            msgspec.structs.replace(one, source=hidden.name(one.source)) for one in _numbered(told.facts)
        )
        report = msgspec.structs.replace(
            report, contact=hidden.name(report.contact), representative=hidden.name(report.representative)
        )
        return Told(msgspec.structs.replace(told.about, report=report), facts), hidden

    def _shown(self, records: Sequence[AccidentRecord]) -> tuple[AccidentRecord, ...]:
        names = self._names.show(text for one in records for text in (one.body, one.changed_by))
        return tuple(
            msgspec.structs.replace(
                one, body=named(one.body, names, within_json), changed_by=named(one.changed_by, names)
            )
            for one in records
        )

    def _known(self, documents: Sequence[DocumentVersion]) -> list[DocumentVersion]:
        names = self._names.show(one.made_by for one in documents)
        return [msgspec.structs.replace(one, made_by=named(one.made_by, names)) for one in documents]

    def _filled(self, record: AccidentRecord, told: Told, actor: Actor) -> AccidentRecord:
        if len(told.facts) > _MOST_FACTS:
            raise DescriptionError(_TOO_MANY, f"{len(told.facts):,}")
        from sekisho.stores.database.rows import askable

        if not askable(told.about.title):
            raise DescriptionError(_NO_TEXT, record.id)
        told = readable(told)
        now = self._folder.now()
        before = record.told().facts if record.body else ()
        for one in told.facts[len(before) :] if told.facts[: len(before)] == before else told.facts:
            if _milliseconds(one.time) > now + _AHEAD:
                raise DescriptionError(_LATER, f"{one.line}: {one.time.isoformat()}")
        at = max(now, _newest(told) or now)
        # Of what is pasted into a new record the lines are those of its file.
        ruling = self.judged(told, at) if record.body else _ruled(told, at)
        return msgspec.structs.replace(
            record,
            title=told.about.title or record.id,
            occurred=int(ruling.incident.occurred.timestamp() * 1000),
            ended=ended_at(ruling.incident),
            serious=ruling.serious.value,
            changed=now,
            changed_by=actor.name,
            body=told.encoded(),
        )


def shown(desk: AccidentDesk, told: Told, at: int) -> tuple[Ruling, DescriptionError | None]:
    """Judge; where that can't be done at that moment, as of the newest fact, with the reason.

    :raises DescriptionError: nor can it be done then
    """
    try:
        return desk.judged(told, at), None
    except DescriptionError as error:
        return desk.judged(told, max(at, _newest(told) or at)), error


def _ruled(told: Told, at: int) -> Ruling:
    from sekisho.workflows.judge_accident import rule

    return rule(told.about, told.facts, datetime.fromtimestamp(at / 1000, UTC))


def _draft(kept: DocumentVersion, names: Mapping[str, StaffName]) -> Draft:
    """Return a kept document with its names."""
    return msgspec.json.decode(named(kept.body, names, within_json), type=Draft)


def _numbered(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Return the facts with the number by which they are shown in the place of the line of some file.

    Lines that were kept before began with who wrote them: the next writing takes that out, too.
    """
    return tuple(msgspec.structs.replace(one, line=f"№{number}") for number, one in enumerate(facts, 1))


def told_in(text: str, zone: tzinfo) -> Told:
    """Return what a file's text says: TOML when it looks like it, CSV otherwise. :raises DescriptionError: neither."""
    from sekisho.workflows.judge_accident import read_text

    return Told(*read_text(text, zone, is_csv="[[facts]]" not in text))


def _newest(told: Told) -> int | None:
    try:
        kept = in_force(told.facts)
    except TimelineError:  # said when it is judged
        kept = told.facts
    return max((_milliseconds(one.time) for one in kept), default=None)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
