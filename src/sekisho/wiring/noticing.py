"""Marries notices: settings in notices.toml, stores behind their purpose, re-identification, and the ways out."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import secrets
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from sekisho.catalogues.holidays import holidays
from sekisho.errors import ConflictError, DescriptionError, RenderError
from sekisho.formats.references import CHANCE_BITS, reference
from sekisho.language import Text
from sekisho.model.audit import AuditEntry
from sekisho.model.case import Case
from sekisho.model.case_life import held
from sekisho.model.detection import Detection
from sekisho.model.identity import Contact, Identified, Person
from sekisho.model.notice import Channel, Notice
from sekisho.model.notifying import Notifying
from sekisho.model.purpose import LegalBasis, Purpose
from sekisho.reports.notices import webhook as signing
from sekisho.reports.notices.letter import Letter, letters
from sekisho.reports.notices.lists import Altered, Encoding, call_centre, printing_house
from sekisho.reports.notices.mail import mail
from sekisho.reports.notices.xarf import xarf
from sekisho.stores.database import SqlAudit
from sekisho.stores.keys import key_at
from sekisho.wires.smtp import SmtpCarrier
from sekisho.wires.webhook import WebhookCarrier
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.notify import Office, Way
from sekisho.workflows.notify.sending import Identify, Ready, waiting
from sekisho.workflows.reidentify import IDENTIFY, REQUEST, Asked, reidentify, request

_SETTINGS, _LOCK = "notices.toml", "sending.lock"
_PAGE = 1000


class Noticing:
    """The notices of one data folder, open."""

    def __init__(self, folder: Path) -> None:
        """Open. :raises DescriptionError: no such folder, no database of cases yet, or wrong settings."""
        self.folder = folder
        self.settings = notice_settings(folder / _SETTINGS)
        self.watch = Watch(folder, create=False)
        try:
            self._database = open_database(folder, self.watch.settings.database, create=False)
        except BaseException:
            self.watch.store.close()
            raise
        self.holdings = Holdings(self.watch)
        self.altered: list[Altered] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._database.close()
        self.watch.store.close()

    def office(self, who: str = "") -> Office:
        """Return the office. :raises PurposeError: the cases' rules don't allow notices."""
        return Office(
            self.holdings.cases(self._database, Purpose.NOTICE, who),
            self.holdings.notices(self._database, Purpose.NOTICE, who),
            SqlAudit(self._database),
            self.settings,
            holidays(self.settings.holidays),
            milliseconds,
            lambda at: reference(at, secrets.randbits(CHANCE_BITS)),
        )

    def person(self, name: str) -> Person:
        """Return a person with the role that the watch's settings give the name."""
        return self.holdings.person(name, getpass.getuser())

    def identify(self, person: Person, basis: LegalBasis | None, reason: str) -> Identify:
        """Return the one way from a case to its subscriber; each use is in the audit log.

        With four eyes, an unused request of somebody else for the case is released; there is none: None.
        """
        parts = self.holdings.identifying(self._database, person.name)
        ground = basis or self.watch.settings.basis
        requests = self._requests(ground, person) if parts.four_eyes else {}

        def found(case: str) -> Identified | None:
            if parts.four_eyes and case not in requests:
                return None
            return reidentify(Asked(case, ground, reason), person, parts, released=requests.get(case, 0))

        return found

    def request(
        self, channel: Channel, person: Person, basis: LegalBasis | None, reason: str
    ) -> dict[str, int]:
        """Record, as the first of two persons, that the subscribers of the approved notices shall be looked up.

        Return the number of the request by case. :raises AuthorisationError: not in this role, or not on that ground
        """
        parts = self.holdings.identifying(self._database, person.name)
        ground = basis or self.watch.settings.basis
        cases = dict.fromkeys(one.case for one in waiting(self.office(person.name), channel))
        return {case: request(Asked(case, ground, reason), person, parts) for case in cases}

    def by_mail(self, carrier: SmtpCarrier, identify: Identify) -> Way:
        """Return the way over the mail server."""

        def render(notice: Notice, _case: Case, found: Identified, at: datetime) -> tuple[bytes, str]:
            contact = _reached(found)
            return mail(notice, self.settings.operator, contact.name, contact.email, at), contact.email

        return Way(Channel.EMAIL, identify, render, carrier)

    def mailer(self) -> SmtpCarrier:
        """Return the mail server's wire. :raises DescriptionError: none is set, or it would be spoken to in the clear."""
        operator = self.settings.operator
        return SmtpCarrier(self.settings.smtp, operator.bounces or operator.sender, self.folder)

    def by_webhook(self, identify: Identify) -> Way:
        """Return the way to the operator's own system. :raises DescriptionError: no https URL is set."""
        key = key_at(self.folder / self.settings.webhook.key_file)
        carrier = WebhookCarrier(
            self.settings.webhook,
            lambda payload, identifier: signing.headers(payload, identifier, key, milliseconds() // 1000),
        )

        def render(notice: Notice, case: Case, found: Identified, _at: datetime) -> tuple[bytes, str]:
            return signing.body(notice, case, _reached(found)), ""

        return Way(Channel.WEBHOOK, identify, render, carrier)

    def writer(
        self, channel: Channel, file: Path, encoding: Encoding | None, *, outline: bool = False
    ) -> Callable[[Sequence[Ready]], str]:
        """Return what writes a batch into ``file``, which must not exist yet; ``altered`` then says what was replaced."""

        def write(batch: Sequence[Ready]) -> str:
            octets = self._document(channel, batch, encoding, outline=outline)
            whole_new_file(file, octets)
            return f"{file.name} sha256:{hashlib.sha256(octets).hexdigest()}"

        return write

    def detections(self, case: str) -> tuple[Detection, ...]:
        """Return what is still held of a case's detections, for the technical annex."""
        office = self.office()
        wanted = set(held(office.cases.events(case)))
        found = self.watch.log.found(Purpose.CC_DETECTION, milliseconds())
        return tuple(one.detection for one in found if one.detection.id in wanted)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Hold the only right to send from this folder, so that the throttle is kept and nothing in flight is asked about.

        :raises ConflictError: another process is sending
        """
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    Text(ja="ほかの送信が動いている", en="another process is sending"),
                    str(self.folder / _LOCK),
                ) from error
            yield
        finally:
            os.close(descriptor)

    def _document(
        self, channel: Channel, batch: Sequence[Ready], encoding: Encoding | None, *, outline: bool
    ) -> bytes:
        operator = self.settings.operator
        rows = [(one.notice, _reached(one.identified)) for one in batch]
        office = self.office()
        if channel is Channel.LETTER:
            made_at = office.local(milliseconds())
            return letters(
                [Letter(*row) for row in rows], operator, self.settings.window, made_at, outline=outline
            )
        if channel is Channel.XARF:
            reports = [
                xarf(
                    one.notice, one.case, one.identified, operator,
                    (office.local(one.case.first_seen).isoformat(), office.local(one.case.last_seen).isoformat()),
                )
                for one in batch
            ]  # fmt: skip
            return b"".join(report + b"\n" for report in reports)
        if channel is Channel.CALL:
            table = call_centre(rows, operator, encoding or Encoding.UTF8)
        else:
            table = printing_house(rows, operator, encoding or Encoding.CP932)
        self.altered = list(table.altered)
        return table.octets

    def _requests(self, basis: LegalBasis, person: Person) -> dict[str, int]:
        """Return the newest unused request of somebody else, by case."""
        found: dict[str, int] = {}
        audit, after = SqlAudit(self._database), 0
        page: Sequence[AuditEntry]
        while page := audit.entries(after, _PAGE):
            for one in page:
                if one.act == REQUEST and one.basis == basis.value and one.who != person.name:
                    found[one.object] = one.seq
                elif one.act == IDENTIFY and found.get(one.object) == one.details.get("request"):
                    del found[one.object]
            after = page[-1].seq
        return found


def notice_settings(file: Path) -> Notifying:
    """Return the settings of notices; without the file, nothing is set and nothing can be drafted.

    :raises DescriptionError: the file can't be read, or says what can't be
    """
    if not file.exists():
        return Notifying()
    try:
        found = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Notifying)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise DescriptionError(
            Text(ja="お知らせの設定に誤りがある", en="the settings of notices are wrong"), f"{file}: {error}"
        ) from error
    if wrong := found.quiet.wrong():
        raise DescriptionError(
            Text(ja="夜間の設定に誤りがある", en="the quiet hours are wrong"), f"{file}: quiet: {wrong}"
        )
    return found


def whole_new_file(file: Path, octets: bytes) -> None:
    """Write a file that must not be there yet, readable by its owner alone; whole and on the disk, or not at all.

    :raises DescriptionError: there is a file of that name
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        # A link never replaces: what was handed over before is not overwritten.
        file.hardlink_to(part)
    except FileExistsError as error:
        raise DescriptionError(
            Text(ja="その名前のファイルがもうある", en="there is a file of that name already"), str(file)
        ) from error
    finally:
        part.unlink(missing_ok=True)
    try:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        # Who is told that it failed must not find it there.
        file.unlink()
        raise


def _reached(found: Identified) -> Contact:
    if found.contact is None:
        raise RenderError(Text(ja="宛先が分からない", en="whom it goes to is not known"), found.case)
    return found.contact
