"""Marries an assessment: configuration in, a run with its store, net, access, power and person out."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any, Self, TypeVar

import msgspec

from sekisho import __version__, plugins
from sekisho.errors import EvidenceError, Stopped
from sekisho.formats.redaction import Redactor
from sekisho.language import Language, Text
from sekisho.model.assess_run import DESCRIPTION
from sekisho.model.assessment import Authorisation, Limits, Plan, TestRecord
from sekisho.model.evidence import Provenance, Transcript
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Exclusion, Terminal
from sekisho.ports import Answer, Clock, Found, Person, Power, Probe, Watcher, Wire
from sekisho.stores.evidence_folder import EvidenceFolder
from sekisho.wires.access import LiveAccess
from sekisho.wires.capture import Capture
from sekisho.wires.clock import SystemClock
from sekisho.wires.desk import Bench, Desk
from sekisho.wires.desk_person import PersonAtDesk
from sekisho.wires.net import LiveNet, Progress
from sekisho.wires.own_sockets import everywhere
from sekisho.wires.person import NobodyHere, PersonAtKeyboard, PersonByFile
from sekisho.wires.power import NotedPower, power_of, reset_of
from sekisho.wires.redaction import redact, secrets_of
from sekisho.wires.scope import Scope
from sekisho.wiring.moment import now, zone
from sekisho.workflows.collect import plan
from sekisho.workflows.describe import read_terminal, terminal_at
from sekisho.workflows.report import without_secrets

T = TypeVar("T")
TOOL = f"sekisho {__version__}"
_STOP_SECONDS = 1.5
_KEY_BYTES = 32
_RESTORE_SECONDS = 20.0
# What must still be done when a run that doesn't let go is ended the hard way.
LEAVING: list[Callable[[], None]] = []


def catalogues(names: Iterable[str]) -> tuple[Catalogue, ...]:
    """Return the catalogues called ``names``, loaded and checked."""
    return tuple(plugins.unit("catalogues", name)() for name in names)


def target_of(target: str, copy: Path | None = None, data: Path | None = None) -> Terminal:
    """Return the terminal that ``target`` names: a description file or an address.

    ``copy`` is the description as it was when a console checked it: it is read, and refers to files as if it stood
    where ``target`` does. ``data`` is a data folder that may have been moved since ``target`` was written down.
    """
    path = Path(target)
    if path.suffix != ".toml" and not path.is_file():
        return terminal_at(target)
    if data is not None and not path.is_file():
        path = data / (Path("terminals") / path.name if path.is_absolute() else path)
    return read_terminal(path, content=copy.read_bytes() if copy and copy.is_file() else None)


def again(target: str, resumed: Path, desk: Path | None) -> Terminal:
    """Return the terminal of an assessment to go on with; its folder may have come from another machine."""
    data = resumed.resolve().parent.parent
    return target_of(target, (desk or data / "runs" / resumed.resolve().name) / DESCRIPTION, data)


def provenance(record: TestRecord) -> Provenance:
    """Return who takes the evidence, where and with what."""
    uname = platform.uname()
    return Provenance(
        person=record.person,
        place=record.place,
        tool=TOOL,
        host=uname.node,
        platform=f"{uname.system} {uname.release}, Python {platform.python_version()}",
        instruments=record.instruments,
    )


def scope_of(terminal: Terminal, authorisation: Authorisation, clock: Clock | None = None) -> Scope:
    """Return where packets may go.

    :raises AuthorisationError: an address of the terminal is outside, or today is not a day of the permission
    """
    scope = Scope(authorisation, clock or SystemClock(), zone())
    for interface in terminal.interfaces:
        for address in interface.addresses:
            scope.check(address)
    return scope


class Run:
    """One assessment in progress: everything married, opened and closed together."""

    def __init__(
        self,
        folder: Path,
        terminal: Terminal,
        authorisation: Authorisation,
        limits: Limits,
        *,
        watcher: Watcher,
        scanned: Progress | None = None,
        language: Language = Language.JA,
        answers: Path | None = None,
        desk: tuple[Path, float] | None = None,
        record: TestRecord | None = None,
        target: str = "",
        resume: bool = False,
        without: Sequence[int] = (),
        still: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Open the folder (a new one unless ``resume``), and only then make anything that can send.

        ``without`` are the TCP ports that the packet capture leaves out: those of the console that started the run.
        ``still`` holds what is drawn on the screen while a person at the keyboard is asked.
        ``desk`` is the folder in which a console answers a person's questions, and how many seconds each waits.
        """
        self.clock: Clock = SystemClock()
        scope = scope_of(terminal, authorisation, self.clock)
        self.store = EvidenceFolder(folder, lambda: now().isoformat(), create=not resume)
        # What the testing machine itself answers is looked at once, when the assessment begins.
        terminal = (self._began_with if resume else with_own_ports)(terminal)
        self.terminal = terminal
        if resume:
            self._same(terminal)
            self.store.append("resumed", {"tool": TOOL})
            self.store.take_in()
        else:
            self._open(folder, authorisation, record or TestRecord(), limits, target)
        self._keep_terminal(terminal)
        self._redactor = Redactor(_key(folder), secrets_of(terminal))
        excluded = frozenset((one.transport, one.port) for one in terminal.exclusions)
        self.net = LiveNet(scope, limits, self.clock, keep=self._keep, progress=scanned, excluded=excluded)
        self.access = LiveAccess(
            self.net,
            terminal,
            limits,
            self.clock,
            counts=self._counts(),
            keep=self._keep_counts,
            clean=self._redactor.text,
            codes="login" in authorisation.risks,
        )
        tester = record.person if record else ""
        keyboard = self._keyboard(language, tester or authorisation.allowed_by, still)
        person = self._person(answers, desk, keyboard)
        self.bench = self._bench(limits, person, watcher, authorisation.risks)
        addresses = [address for one in terminal.interfaces for address in one.addresses]
        self.capture = Capture(folder / "capture", addresses, without=without)

    def _keep_terminal(self, terminal: Terminal) -> None:
        """Keep the description, once."""
        if not any(event.kind == "terminal" for event in self.store.events()):
            shown = msgspec.json.encode(without_secrets(terminal))
            self.store.append(
                "terminal", {"sha256": self.store.keep(shown, kind="terminal", name="terminal.json")}
            )

    def _began_with(self, terminal: Terminal) -> Terminal:
        if not any(event.kind == "terminal" for event in self.store.events()):
            return with_own_ports(terminal)
        known = {(one.transport, one.port): one for one in stored_terminal(self.store).exclusions}
        return _with_exclusions(terminal, lambda one: known.get((one.transport, one.port)))

    def _same(self, terminal: Terminal) -> None:
        """Refuse to go on with another terminal than the one that the evidence is of; then let go of the folder."""
        if not any(event.kind == "terminal" for event in self.store.events()):
            return
        if _told(stored_terminal(self.store)) != _told(without_secrets(terminal)):
            self.store.close()
            raise EvidenceError(
                Text(
                    ja="機器記述が、この評価を始めたときのものと違う",
                    en="the description isn't the one that this assessment began with",
                ),
                str(self.store.path.name),
                Text(
                    ja="元の記述に戻すか、新しく始める", en="put the old one back, or start a new assessment"
                ),
            )

    def _bench(self, limits: Limits, person: Person, watcher: Watcher, risks: tuple[str, ...]) -> Bench:
        """Return what all probes of this run share."""
        return Bench(
            store=self.store,
            net=self.net,
            access=self.access,
            person=person,
            clock=self.clock,
            limits=limits,
            power=self._power(person),
            reset=reset_of(self.terminal, person),
            taken=self.net.taken,
            redact=self._redactor.raw,
            watcher=watcher,
            risks=risks,
        )

    def _power(self, person: Person) -> Power | None:
        cord = power_of(self.terminal, person)

        def note(on: bool) -> None:
            self.store.append("power", {"on": on})

        return NotedPower(cord, note) if cord else None

    def give_back(self, *, noted: bool = True) -> None:
        """Give back the power that a stopped run had cut; where a person holds the plug, the resumed run asks.

        ``noted`` is False where nothing may be journalled any more: the resumed run then gives it back once more.
        """
        last = next((event for event in reversed(tuple(self.store.events())) if event.kind == "power"), None)
        declared = self.terminal.power
        if last is None or last.body.get("on") or declared is None or declared.driver != "command":
            return
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(  # noqa: S603 - the description's own words, no shell
                declared.restore,
                check=True,
                timeout=_RESTORE_SECONDS,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
            if noted:
                self.store.append("power", {"on": True, "by": "stopped"})

    def desk(self, probe: Probe, found: tuple[Found, ...]) -> Wire:
        """Return the wire of one probe."""
        return Desk(self.bench, probe.name, probe.version, found)

    def __enter__(self) -> Self:
        """Start the packet capture, before the first packet."""
        self.store.append("capture-began", self.capture.start())
        return self

    def __exit__(self, *_: object) -> None:
        """End the capture, list it, and release the folder."""
        self.store.append("capture-ended", self.capture.stop())
        listed = {event.body.get("path") for event in self.store.events()}
        for file in sorted((self.store.path / "capture").iterdir()):
            relative = f"capture/{file.name}"
            if relative not in listed:
                self.store.enlist(relative, "capture")
        self.store.close()

    def _open(
        self, folder: Path, authorisation: Authorisation, record: TestRecord, limits: Limits, target: str
    ) -> None:
        body = {
            "id": folder.name,
            "record": msgspec.to_builtins(record),
            "limits": msgspec.to_builtins(limits),
            "target": target,
            **msgspec.to_builtins(provenance(record)),
        }
        self.store.append("opened", body)
        self.store.append("authorisation", msgspec.to_builtins(authorisation))

    def _keyboard(
        self, language: Language, name: str, still: Callable[[], AbstractContextManager[None]]
    ) -> Person:
        """Return the person at the keyboard when there is one, else nobody."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return NobodyHere()
        return PersonAtKeyboard(name, language, self.clock, self._attach, still=still)

    def _attach(self, file: str, content: bytes) -> str:
        return self.store.keep(content, kind="attachment", name=file)

    def _person(self, answers: Path | None, desk: tuple[Path, float] | None, keyboard: Person) -> Person:
        """Return who answers questions: an answers file, a console's desk, or who is at the keyboard."""
        somebody = keyboard
        if desk:
            folder, seconds = desk

            def note(answer: Answer) -> None:
                self.store.append("answered", msgspec.to_builtins(answer))

            somebody = PersonAtDesk(folder, self.clock, self._attach, seconds, note)
        return PersonByFile(answers, self.clock, self._attach, somebody) if answers else somebody

    def _keep(self, transcript: Transcript) -> str:
        clean = redact(transcript, self._redactor)
        return self.store.keep(msgspec.msgpack.encode(clean), kind="transcript", name=clean.remote)

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        """Return the wrong logins spent so far, as the last run journalled them."""
        for event in reversed(tuple(self.store.events())):
            if event.kind == "budget":
                return {user: (c[0], c[1], c[2]) for user, c in event.body["counts"].items()}
        return {}

    def _keep_counts(self, counts: Mapping[str, tuple[int, int, int]]) -> None:
        self.store.append("budget", {"counts": dict(counts)})


def reopen(folder: Path) -> tuple[str, Authorisation, Limits]:
    """Return target, authorisation and limits of a run to go on with."""
    store = EvidenceFolder(folder, lambda: now().isoformat())
    try:
        events = {
            event.kind: event.body for event in store.events() if event.kind in {"opened", "authorisation"}
        }
    finally:
        store.close()
    if len(events) != 2:  # noqa: PLR2004 - the two kinds above
        raise EvidenceError(
            Text(
                ja="開始の記録が不完全なので再開できない",
                en="its beginning is incomplete: it can't be resumed",
            ),
            str(folder),
            Text(ja="新しく assess を始める", en="start a new assess"),
        )
    return (
        str(events["opened"]["target"]),
        msgspec.convert(events["authorisation"], Authorisation),
        msgspec.convert(events["opened"]["limits"], Limits),
    )


def stored_terminal(store: EvidenceFolder) -> Terminal:
    """Return the description as the evidence holds it (without secrets), for judging again."""
    event = next((one for one in store.events() if one.kind == "terminal"), None)
    if event is None:
        raise EvidenceError(
            Text(ja="証跡に機器記述がない", en="the evidence holds no terminal description"), str(store.path)
        )
    return msgspec.json.decode(store.read(str(event.body["sha256"])), type=Terminal)


def with_own_ports(terminal: Terminal) -> Terminal:
    """Return a description whose ports of the testing machine (`Exclusion.host`) are those that the kernel says are its own.

    That can be so only for a terminal on loopback, which the machine's sockets at every address answer for; beside
    any other terminal it is an exclusion like others. What is excluded for a socket that is gone is measured.
    """
    if not any(one.host for one in terminal.exclusions):
        return terminal
    addresses = [ip_address(one.partition("%")[0]) for face in terminal.interfaces for one in face.addresses]
    if not addresses or not all(one.is_loopback for one in addresses):
        return _with_exclusions(terminal, lambda one: msgspec.structs.replace(one, host=False))
    own = everywhere()
    return _with_exclusions(terminal, lambda one: one if (one.transport, one.port) in own else None)


def _with_exclusions(terminal: Terminal, judged: Callable[[Exclusion], Exclusion | None]) -> Terminal:
    """Return a description with its exclusions of the testing machine's ports as ``judged``, without those judged None."""
    found = (judged(one) if one.host else one for one in terminal.exclusions)
    return msgspec.structs.replace(terminal, exclusions=tuple(one for one in found if one is not None))


def _told(terminal: Terminal) -> Terminal:
    """Return a description without where this machine keeps its files: a data folder may be moved."""

    def names(noun: msgspec.Struct) -> dict[str, str]:
        return {field: Path(value).name for field, value in msgspec.structs.asdict(noun).items() if value}

    documents = msgspec.structs.replace(terminal.documents, **names(terminal.documents))
    update = terminal.update
    if update is not None:
        newest = update.newest and msgspec.structs.replace(update.newest, web=Path(update.newest.web).name)
        images = msgspec.structs.replace(update.images, **names(update.images))
        update = msgspec.structs.replace(update, images=images, newest=newest)
    return msgspec.structs.replace(terminal, documents=documents, update=update)


def _key(folder: Path) -> bytes:
    """Return the key of this assessment's redaction marks; not evidence, and not to be passed on."""
    file = folder / "redaction.key"
    if not file.exists() or file.stat().st_size != _KEY_BYTES:  # a run may have died between the two
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
    return file.read_bytes()


def stoppable(work: Callable[[], Coroutine[Any, Any, T]], folder: Path) -> T:
    """Run ``work``; Ctrl-C or SIGTERM ends it within two seconds and raises Stopped.

    The evidence chain is append-only and forced to the disk line by line, so even the hard way out (a peer
    or a thread that doesn't let go) loses nothing.
    """
    asked = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        task = main
        if task is not None and asked == 1:
            loop.call_soon_threadsafe(task.cancel)
            signal.setitimer(signal.ITIMER_REAL, _STOP_SECONDS)
        else:
            leave()

    def leave(*_: object) -> None:
        for last in LEAVING:
            last()
        print(_stopped(folder).explain_both(), file=sys.stderr, flush=True)  # noqa: T201 - the last word
        os._exit(Stopped.exit_code)

    main: asyncio.Task[T] | None = None
    loop = asyncio.new_event_loop()
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, leave)
    try:
        main = loop.create_task(work())
        return loop.run_until_complete(main)
    except asyncio.CancelledError:
        raise _stopped(folder) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _HardStop(Stopped):
    def explain_both(self) -> str:
        return f"{self.what.ja} / {self.what.en}\n  → {self.where}\n  {self.todo.en}"


def _stopped(folder: Path) -> _HardStop:
    again = f"sekisho assess --resume {folder}"
    return _HardStop(
        Text(ja="中断した。ここまでの証跡は保存済み", en="stopped; the evidence so far is kept"),
        str(folder),
        Text(ja=f"続けるには：{again}", en=f"to go on: {again}"),
    )


def plan_for(
    terminal: Terminal,
    chosen: tuple[Catalogue, ...],
    authorisation: Authorisation | None,
    only: Iterable[str] = (),
) -> Plan:
    """Return the plan for a terminal with the installed units."""
    return plan(terminal, chosen, plugins.units("criteria"), plugins.units("probes"), authorisation, only)
