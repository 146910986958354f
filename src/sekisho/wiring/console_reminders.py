"""Reminders of duties from the console: switched on or off, to whom, how long before; sent by itself while it serves."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import ConflictError, DescriptionError, SekishoError
from sekisho.language import Text
from sekisho.model.accident import JAPAN
from sekisho.model.case_life import Actor
from sekisho.model.notifying import is_address
from sekisho.model.reminding import Reminding, parts
from sekisho.model.staff_name import named
from sekisho.wiring.console_papers import REMINDED, Papers, Written
from sekisho.wiring.duty_reminding import remind, unsent, worth_telling

if TYPE_CHECKING:
    from sekisho.model.compliance import Entry
    from sekisho.model.paper import Paper
    from sekisho.model.staff_name import StaffName
    from sekisho.model.verdict import Scalar
    from sekisho.wiring.console_duties import DutyDesk
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.staff_names import StaffNames

KIND = "reminding"
#: Who sends what no person asked for at that moment.
ITSELF = Actor("sekisho", "console")
_LOCK, _LAST = "reminding.lock", "reminding.json"
_AFTER_FAULT_MS = 3_600_000
# Mail that nobody sends by hand comes in the morning, not when a day begins.
_HOUR = 7
_MOST_TO, _MOST_LEADS, _LONGEST_LEAD = 10, 4, 400
_ADDRESS = Text(ja="メールアドレスではない", en="not a mail address")
_TOO_MANY = Text(ja="宛先は10まで", en="ten addresses at most")
_NOBODY = Text(ja="入れるには宛先が要る", en="an address is needed to switch them on")
_DAYS = Text(ja="何日前かは、1から400の数を4つまで", en="lead times: up to four numbers from 1 to 400")
_NO_SERVER = Text(
    ja="メールサーバーと送信元の設定（notices.toml）がない",
    en="no mail server and sender are set (notices.toml)",
)
_NO_FILE = Text(
    ja="データフォルダーのファイルを扱えない", en="a file of the data folder can't be read or written"
)
_BUSY = Text(ja="いま送っている", en="they are being sent just now")


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the mail to one address; ``duties`` counts what it told of."""

    recipient: str
    duties: int
    state: str
    detail: str = ""


class Last(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last time that something was to be sent, in milliseconds; ``fault`` in words where nothing could be."""

    at: int
    told: tuple[Told, ...] = ()
    fault: str = ""

    @property
    def failed(self) -> bool:
        """Whether somebody didn't get their mail."""
        return bool(self.fault) or any(one.state != "accepted" for one in self.told)


class Went(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder that went out; ``stage`` is ``late``, or days such as ``14d`` (before: ``near``, ``week``)."""

    recipient: str
    duty: str
    stage: str
    at: int
    by: str


class ReminderDesk:
    """Sends reminders, each once. Two that send at the same time are kept apart by a lock of the data folder."""

    def __init__(self, folder: ConsoleFolder, papers: Papers, duties: DutyDesk, names: StaffNames) -> None:
        self._folder: Path = folder.folder
        self._names = names
        self._papers = papers
        self._duties = duties
        # What couldn't be noted: the disk that makes sending fail takes no note of it either.
        self._unnoted: Last | None = None

    def settings(self) -> tuple[Reminding, int]:
        """Return what is decided, and its version; switched off and 0 when nothing was decided yet."""
        found = self._papers.one(KIND, KIND, Reminding)
        return (found[0], found[1].version) if found else (Reminding(), 0)

    def say(self, reminding: Reminding, seen: int, actor: Actor) -> None:
        """Decide.

        :raises DescriptionError: an address that is none, lead times that are none, or no mail server to switch them on
        :raises ConflictError: somebody was faster
        """
        wrong = [one for one in reminding.to if not is_address(one)]
        if wrong:
            raise DescriptionError(_ADDRESS, wrong[0][:80])
        if len(reminding.to) > _MOST_TO:
            raise DescriptionError(_TOO_MANY, str(len(reminding.to)))
        days = tuple(sorted(set(reminding.days), reverse=True))
        if not 0 < len(days) <= _MOST_LEADS or not all(0 < one <= _LONGEST_LEAD for one in days):
            raise DescriptionError(_DAYS, " ".join(map(str, days))[:80])
        if reminding.on and not reminding.to:
            raise DescriptionError(_NOBODY)
        if reminding.on and not self.server():
            raise DescriptionError(_NO_SERVER)
        kept = msgspec.structs.replace(reminding, to=tuple(dict.fromkeys(reminding.to)), days=days)
        details: dict[str, Scalar] = {
            "on": kept.on,
            "addresses": len(kept.to),
            "days": " ".join(map(str, days)),
        }
        self._papers.write(KIND, [Written(KIND, seen, kept)], actor, "set-reminders", KIND, details)

    def server(self) -> str:
        """Return the mail server that takes them; empty without one. :raises DescriptionError: the settings are wrong."""
        from sekisho.wiring.noticing import notice_settings

        found = notice_settings(self._folder / "notices.toml")
        return f"{found.smtp.host}:{found.smtp.port}" if found.smtp.host and found.operator.sender else ""

    def fresh(
        self, reminding: Reminding, listed: Iterable[Entry]
    ) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """Return what each address would be told of now, of the duties that are listed: what it wasn't told of yet."""
        told = self._fresh(reminding, listed)
        return tuple((recipient, tuple(one for one, _ in found)) for recipient, found in told if found)

    def send(self, actor: Actor) -> Last:
        """Send what is due to every address now; how it went is kept.

        :raises ConflictError: they are being sent just now
        :raises DescriptionError: nobody to send to, or no mail server
        """
        reminding, _ = self.settings()
        if not reminding.to:
            raise DescriptionError(_NOBODY)
        if not self.server():
            raise DescriptionError(_NO_SERVER)
        with sending(self._folder):
            told = tuple(
                self._told(*one, reminding, actor)
                for one in self._fresh(reminding, self._duties.listed().entries)
                if one[1]
            )
            last = Last(self._papers.now, told)
            if told:
                self._note(last)
        return last

    def last(self) -> Last | None:
        """Return how the last sending went; None when nothing was to be sent yet."""
        if self._unnoted:
            return self._unnoted
        try:
            last = msgspec.json.decode((self._folder / _LAST).read_bytes(), type=Last)
        except (OSError, msgspec.DecodeError):
            return None
        names = self._names.show(one.recipient for one in last.told)
        return _addressed(last, lambda recipient: named(recipient, names))

    def went(self, limit: int = 100) -> tuple[Went, ...]:
        """Return the reminders that went out, newest first."""
        found = [one for one in self._papers.store.newest(REMINDED) if one.body]
        found = sorted(found, key=lambda one: -one.made)[:limit]
        names = self._names.show(text for one in found for text in (one.name, one.made_by))
        return tuple(_went(one, names) for one in found)

    def look(self) -> None:
        """Send what is due when they are switched on and it is day; a fault is noted and tried again in an hour."""
        now = self._papers.now
        try:
            if (
                not self.settings()[0].on
                or datetime.fromtimestamp(now / 1000, UTC).astimezone(JAPAN).hour < _HOUR
            ):
                return
            last = self.last()
            if last and last.failed and now - last.at < _AFTER_FAULT_MS:
                return
            self.send(ITSELF)
        except ConflictError:  # another process sends, or has sent, the same
            return
        except SekishoError as error:
            self._fault(now, f"{error.what.ja} / {error.what.en} {error.where}")
        except OSError as error:
            where = f"{error.strerror or type(error).__name__} {Path(error.filename or '').name}"
            self._fault(now, f"{_NO_FILE.ja} / {_NO_FILE.en} {where}")

    def _fault(self, at: int, words: str) -> None:
        last = Last(at, fault=words.strip()[:400])
        try:
            self._note(last)
        except (SekishoError, OSError):
            self._unnoted = last

    def _fresh(
        self, reminding: Reminding, listed: Iterable[Entry]
    ) -> Iterator[tuple[str, tuple[tuple[Entry, str], ...]]]:
        if not reminding.to:
            return
        today = self._duties.today
        near = worth_telling(listed, today, max(reminding.days))
        sent = self._duties.reminded()
        for recipient in reminding.to:
            yield recipient, unsent(near, today, recipient, sent, reminding.days)

    def _told(
        self, recipient: str, found: tuple[tuple[Entry, str], ...], reminding: Reminding, actor: Actor
    ) -> Told:
        delivery = remind(self._folder, [one for one, _ in found], recipient, reminding.language)
        if delivery.state == "accepted":
            self._duties.remember([name for _, name in found], actor)
        return Told(recipient, len(found), delivery.state, _without(recipient, delivery.detail)[:300])

    def _note(self, last: Last) -> None:
        from sekisho.stores.durable import replace

        # An address is a name of staff: it stands in the table of names and nowhere else.
        hidden = self._names.hide((), *(one.recipient for one in last.told))
        replace(self._folder / _LAST, msgspec.json.encode(_addressed(last, hidden.name)))
        self._unnoted = None


def _went(one: Paper, names: Mapping[str, StaffName]) -> Went:
    # Taken apart before names stand in it: they may have blanks.
    recipient, duty, stage = parts(one.name)
    return Went(named(recipient, names), named(duty, names), stage, one.made, named(one.made_by, names))


def _addressed(last: Last, change: Callable[[str], str]) -> Last:
    """Return it with other recipients."""
    told = tuple(msgspec.structs.replace(one, recipient=change(one.recipient)) for one in last.told)
    return msgspec.structs.replace(last, told=told)


def _without(recipient: str, said: str) -> str:
    """Return what a mail server said without whom it said it of."""
    box = recipient.partition("@")[0]
    for one in (re.escape(recipient), rf"(?<![\w.+-]){re.escape(box)}(?![\w.+-])"):
        said = re.sub(one, "*", said, flags=re.IGNORECASE)
    return said


@contextmanager
def sending(folder: Path) -> Iterator[None]:
    """Hold the right to send reminders. :raises ConflictError: another process, or thread, has it."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(_BUSY) from None
        yield
    finally:
        os.close(file)
