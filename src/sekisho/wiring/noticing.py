"""Marries notices: settings in notices.toml, stores behind their purpose, re-identification, and the ways out."""

from __future__ import annotations

import fcntl
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
from sekisho.errors import ConflictError, DescriptionError
from sekisho.formats.fault_text import fault_text
from sekisho.formats.references import CHANCE_BITS, reference
from sekisho.language import Text
from sekisho.model.case import Case
from sekisho.model.case_life import held
from sekisho.model.detection import Detection
from sekisho.model.identity import Identified, Person
from sekisho.model.notice import Channel, Notice
from sekisho.model.notifying import Notifying
from sekisho.model.purpose import LegalBasis, Purpose
from sekisho.reports.notices import webhook as signing
from sekisho.reports.notices.lists import Encoding
from sekisho.reports.notices.mail import mail
from sekisho.stores.database import SqlAudit
from sekisho.stores.keys import key_at
from sekisho.wires.smtp import SmtpCarrier
from sekisho.wires.webhook import WebhookCarrier
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.login import login
from sekisho.wiring.notice_files import NoticeFile, reached
from sekisho.wiring.warn import open_database
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.wiring.whole_file import whole_new_file
from sekisho.workflows.notify import Office, Ready, Way
from sekisho.workflows.notify.sending import Identify, waiting
from sekisho.workflows.reidentify import (
    OF_ONE_CASE,
    OF_ONE_REQUEST,
    Asked,
    Refused,
    offered,
    reidentify,
    request,
)

_SETTINGS, _LOCK = "notices.toml", "sending.lock"


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
        return self.holdings.person(name, login())

    def identify(self, person: Person, basis: LegalBasis | None, reason: str) -> Identify:
        """Return the one way from a case to its subscriber; each use is in the audit log.

        With four eyes, an unused request of somebody else for the case is released; there is none: None. What is refused
        for one case only is told as its id, so that it holds up no other; any other refusal is raised.
        """
        parts = self.holdings.identifying(self._database, person.name)
        ground = basis or self.watch.settings.basis
        requests = offered(ground, person, parts) if parts.four_eyes else {}

        def found(case: str) -> Identified | str | None:
            if parts.four_eyes and case not in requests:
                return None
            try:
                return reidentify(Asked(case, ground, reason), person, parts, released=requests.get(case, 0))
            except Refused as error:
                if error.why not in OF_ONE_CASE:
                    raise
                # A request that ran out or was used meanwhile can be made again; a case that is over can't.
                return None if error.why in OF_ONE_REQUEST else error.why

        return found

    def request(
        self, channel: Channel, person: Person, basis: LegalBasis | None, reason: str
    ) -> tuple[dict[str, int], dict[str, str]]:
        """Record, as the first of two persons, that the subscribers of the approved notices shall be looked up.

        Return the number of the request by case, and why the other cases got none.
        :raises AuthorisationError: not in this role, or not on that ground
        """
        parts = self.holdings.identifying(self._database, person.name)
        ground = basis or self.watch.settings.basis
        made: dict[str, int] = {}
        refused: dict[str, str] = {}
        for case in dict.fromkeys(one.case for one in waiting(self.office(person.name), channel)):
            try:
                made[case] = request(Asked(case, ground, reason), person, parts)
            except Refused as error:
                if error.why not in OF_ONE_CASE:
                    raise
                refused[case] = error.why
        return made, refused

    def by_mail(self, carrier: SmtpCarrier, identify: Identify) -> Way:
        """Return the way over the mail server."""

        def render(notice: Notice, _case: Case, found: Identified, at: datetime) -> tuple[bytes, str]:
            contact = reached(found)
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
            return signing.body(notice, case, reached(found)), ""

        return Way(Channel.WEBHOOK, identify, render, carrier)

    def file(
        self, channel: Channel, encoding: Encoding | None = None, *, outline: bool = False
    ) -> NoticeFile:
        """Return what makes the documents of a channel that hands over files."""
        office = self.office()
        return NoticeFile(
            channel,
            self.settings,
            office.local,
            office.local(milliseconds()),
            encoding=encoding,
            outline=outline,
        )

    def writer(self, made: NoticeFile, file: Path) -> Callable[[Sequence[Ready]], str]:
        """Return what writes a batch into ``file``, which must not exist yet."""

        def write(batch: Sequence[Ready]) -> str:
            octets = made.octets(batch)
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


def notice_settings(file: Path) -> Notifying:
    """Return the settings of notices; without the file, nothing is set and nothing can be drafted.

    :raises DescriptionError: the file can't be read, or says what can't be
    """
    if not file.exists():
        return Notifying()
    try:
        found = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Notifying)
    except ValueError as error:  # of TOML, UTF-8 and what may stand in it
        raise DescriptionError(
            Text(ja="お知らせの設定に誤りがある", en="the settings of notices are wrong"),
            str(file),
            fault_text(error),
        ) from error
    if wrong := found.quiet.wrong():
        raise DescriptionError(
            Text(ja="夜間の設定に誤りがある", en="the quiet hours are wrong"), f"{file}: quiet: {wrong}"
        )
    return found
