"""Assessments as the console starts them: planned, started as processes of their own, watched, stopped, resumed, answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, SekishoError, StoreError
from sekisho.language import Language, Text
from sekisho.model.assess_run import (
    AUTHORISATION,
    DESCRIPTION,
    LIMITS,
    ORDER,
    STOP,
    Answered,
    Asking,
    Order,
    Run,
    RunRules,
    RunState,
)
from sekisho.model.assessment import Authorisation, Limits, Plan
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Scalar
from sekisho.stores.run_papers import RunPapers, StopAsked, sent
from sekisho.wiring import console_bounds as bounds
from sekisho.wiring import console_processes as processes
from sekisho.wiring import moment

if TYPE_CHECKING:
    from types import ModuleType

    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk

_NONE = Text(ja="その実施はない", en="there is no such run")
_BASIS = "不正アクセス禁止法2条4項"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants assessed, with the authorisation that goes with it.

    :ivar described: name of a description in the folder ``terminals``; empty when ``address`` names the terminal
    :ivar digest: SHA-256 of the description whose plan was shown; empty when none was
    :ivar addresses: prefixes that the authorisation allows; empty for the terminal's own addresses
    :ivar agreed: whether the statement of the authorisation was agreed to
    :ivar rate: connections a second at most, ``requests`` requests a second, ``wrong`` wrong codes in a row; 0 as usual
    :ivar quiet: seconds without writing before a power cut; 0 as usual
    """

    described: str = ""
    digest: str = ""
    address: str = ""
    catalogues: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    allowed_by: str = ""
    role: str = ""
    organisation: str = ""
    addresses: tuple[str, ...] = ()
    days: int = 30
    risks: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()
    public: bool = False
    agreed: bool = False
    ask: bool = True
    place: str = ""
    number: str = ""
    method: str = ""
    rate: float = 0.0
    requests: float = 0.0
    wrong: int = 0
    quiet: float = 0.0


class Ready(msgspec.Struct, frozen=True):
    """What would be done: checked as the command line checks it; nothing was sent.

    :ivar content: the description as it was checked; empty for an address
    """

    target: str
    terminal: Terminal
    authorisation: Authorisation
    limits: Limits
    plan: Plan
    content: bytes = b""

    @property
    def digest(self) -> str:
        """SHA-256 of the description; empty for an address."""
        return hashlib.sha256(self.content).hexdigest() if self.content else ""

    @property
    def title(self) -> str:
        """Maker and model of the terminal, or its address."""
        return f"{self.terminal.maker} {self.terminal.model}".strip() or self.addresses[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The terminal's addresses."""
        return tuple(address for one in self.terminal.interfaces for address in one.addresses)


class Stopping(msgspec.Struct, frozen=True):
    """How a stop went.

    :ivar interrupted: whether its process was interrupted; else it finds the paper that asks it to stop
    :ivar unrecorded: why it is not on record in full who stopped it; empty as a rule
    """

    interrupted: bool
    unrecorded: tuple[SekishoError, ...] = ()


class RunDesk:
    """Runs of one data folder. Every act but a stop is in the audit log before it happens.

    :ivar ports: the TCP ports at which the console itself listens; no packet capture of a run holds them
    """

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk) -> None:
        self.ports: tuple[int, ...] = ()
        self._folder = folder
        self._keeping = keeping
        self._data = folder.folder
        self._papers = RunPapers(self._data / "runs", self._data / "assessments")

    @property
    def rules(self) -> RunRules:
        """What bounds runs here: ``assess.toml``, else the usual. :raises DescriptionError: it is wrong."""
        path = self._data / "assess.toml"
        if not path.is_file():
            return RunRules()
        from sekisho.workflows.describe import read_table

        return read_table(path, RunRules)

    def described(self) -> tuple[str, ...]:
        """Return the names of the descriptions."""
        return tuple(sorted(one.name for one in (self._data / "terminals").glob("*.toml")))

    def ready(self, wanted: Wanted, language: Language) -> Ready:
        """Return what would be done.

        :raises DescriptionError: the description or address is wrong
        :raises AuthorisationError: the authorisation allows nothing, too much, or not this terminal
        """
        bounds.check_words(wanted)
        target, terminal, content = self._terminal(wanted)
        self._check_names(wanted)
        from sekisho.wires.clock import SystemClock
        from sekisho.wires.scope import Scope
        from sekisho.workflows.authorise import STATEMENT, authorised

        own, rules = tuple(address for one in terminal.interfaces for address in one.addresses), self.rules
        bounds.check_days(rules, wanted.days)
        allowed = authorised(
            wanted.addresses or own,
            wanted.allowed_by,
            moment.local().date(),
            statement=STATEMENT.say(language),
            days=wanted.days,
            role=wanted.role,
            organisation=wanted.organisation,
            macs=wanted.macs,
            host_keys=wanted.host_keys,
            risks=("read", *wanted.risks),
            public=wanted.public,
        )
        scope = Scope(allowed, SystemClock(), moment.zone())
        for address in own:
            scope.check(address)
        bounds.check(rules, own, allowed.addresses, public=wanted.public)
        chosen = self._assessing.catalogues(wanted.catalogues)
        planned = self._assessing.plan_for(terminal, chosen, allowed, wanted.only)
        return Ready(target, terminal, allowed, _limits(wanted), planned, content)

    def start(self, wanted: Wanted, who: Actor, language: Language) -> str:
        """Start a run and return its name.

        :raises ConflictError: as many run as may, or one of the same terminal
        :raises AuthorisationError: the statement wasn't agreed to; and as `ready`
        """
        ready = self.ready(wanted, language)
        if not wanted.agreed:
            raise AuthorisationError(
                Text(
                    ja="許可の文言に同意していない", en="the statement of the authorisation was not agreed to"
                )
            )
        from sekisho.workflows.authorise import to_toml

        if wanted.digest and wanted.digest != ready.digest:
            raise ConflictError(
                Text(
                    ja="計画を見た後で機器記述が変わった",
                    en="the description was changed after the plan was shown",
                ),
                wanted.described,
                Text(ja="計画を見直す", en="look at the plan again"),
            )
        papers, now = self._papers, self._folder.now()
        with papers.starting():
            self._may_start(ready.addresses)
            name = papers.new(_name(ready))
            order = Order(
                id=name, target=ready.target, terminal=ready.title, addresses=ready.addresses,
                catalogues=wanted.catalogues, by=who.name, at=now, only=wanted.only, ask=wanted.ask,
                place=wanted.place, number=wanted.number, method=wanted.method,
            )  # fmt: skip
            papers.put(name, AUTHORISATION, to_toml(ready.authorisation).encode())
            papers.put(name, LIMITS, to_toml(ready.limits).encode())
            if ready.content:
                papers.put(name, DESCRIPTION, ready.content)
            self._note(who, "start-assessment", order, ready.authorisation.allowed_by)
            papers.put(name, ORDER, msgspec.json.encode(order))
            self._spawn(order, language)
        return name

    def resume(self, identifier: str, who: Actor, language: Language) -> None:
        """Go on with a run that ended before its end.

        :raises ConflictError: it runs, it is complete, as many run as may, its papers aren't whole
        :raises AuthorisationError: its authorisation is over
        """
        run = self._known(identifier)
        if run.state.alive or run.state is RunState.COMPLETE:
            raise ConflictError(
                Text(ja="続けるものがない", en="there is nothing to go on with"), run.state.value
            )
        from sekisho.wires.clock import SystemClock
        from sekisho.wires.scope import Scope
        from sekisho.workflows.describe import read_authorisation

        try:
            allowed = read_authorisation(self._papers.root / identifier / AUTHORISATION)
        except DescriptionError as error:  # named as people know it, without where this machine keeps it
            raise ConflictError(
                Text(ja="この実施の許可が読めない", en="this run's authorisation can't be read"),
                f"{identifier}: {AUTHORISATION}",
                Text(ja="新しく始める", en="start a new one"),
            ) from error
        scope = Scope(allowed, SystemClock(), moment.zone())
        for address in run.order.addresses:
            scope.check(address)
        bounds.check(self.rules, run.order.addresses, allowed.addresses, public=allowed.public_addresses)
        with self._papers.starting():
            self._may_start(run.order.addresses)
            self._note(who, "resume-assessment", run.order)
            self._papers.drop(identifier, STOP)
            self._spawn(run.order, language, resume=run.resumable)

    def stop(self, identifier: str, who: Actor) -> Stopping:
        """Stop a run as Ctrl-C does: within two seconds, evidence kept, power given back. One that ended stays as it is.

        This one act happens before it is recorded: a full disk or a lost database must not keep a terminal under test.

        :raises ConflictError: it has ended already
        :raises StoreError: it could neither be interrupted nor be asked
        """
        run = self._known(identifier)
        if not run.state.alive:
            raise ConflictError(Text(ja="もう終わっている", en="it has ended already"), run.state.value)
        process = self._papers.process(identifier)
        interrupted = process is not None and processes.interrupt(process)
        told = msgspec.json.encode(StopAsked(who.name, self._folder.now()))
        unrecorded: list[SekishoError] = []
        try:
            self._papers.put(identifier, STOP, told)
        except StoreError as error:
            if not interrupted:
                raise
            unrecorded.append(error)
        try:
            self._note(who, "stop-assessment", run.order)
        except SekishoError as error:
            unrecorded.append(error)
        return Stopping(interrupted, tuple(unrecorded))

    def run(self, identifier: str) -> Run | None:
        """Return a run as it stands now."""
        return self._papers.run(identifier)

    def runs(self, *, after: str = "", limit: int = 50) -> tuple[Run, ...]:
        """Return runs, newest first, those behind ``after``."""
        names = [one for one in self._papers.names() if not after or one < after]
        return tuple(run for name in names[:limit] if (run := self._papers.run(name)))

    def alive(self) -> tuple[Run, ...]:
        """Return the runs whose processes live."""
        papers = self._papers
        living = (one for one in papers.names() if papers.alive(papers.root / one))
        return tuple(run for name in living if (run := papers.run(name)) and run.state.alive)

    def asking(self, identifier: str) -> tuple[Asking, ...]:
        """Return the questions of a run that wait."""
        return self._papers.asking(identifier)

    def answer(
        self, identifier: str, number: int, choice: str, who: Actor, at: int,
        note: str = "", files: Sequence[tuple[str, bytes]] = (),
    ) -> None:  # fmt: skip
        """Answer a question; an empty ``choice`` leaves it open. ``at`` is the moment of the answer, in milliseconds.

        :raises DescriptionError: no such run, no such choice, too many or too large files
        :raises ConflictError: it doesn't wait any more
        """
        run = self._known(identifier)
        asked = next((one for one in run.asking if one.number == number), None)
        if asked is None:
            raise ConflictError(
                Text(ja="この質問はもう待っていない", en="this question no longer waits for an answer"),
                f"{identifier} {number}",
            )
        rules = self.rules
        large = [name for name, content in files if len(content) > rules.file_octets]
        if (choice and choice not in asked.choices) or len(files) > rules.files or large:
            raise DescriptionError(
                Text(
                    ja="選択肢にないか、ファイルが多すぎるか大きすぎる",
                    en="no such choice, or too many or too large files",
                ),
                ", ".join((choice[:40], *large))[:200],
            )
        told = datetime.fromtimestamp(at / 1000, UTC).isoformat()
        given = Answered(
            number, asked.id, choice, who.name, told, note[:2000], tuple(sent(*one) for one in files)
        )
        # A plug was pulled at the moment of the answer: whoever waits for it hears of it before it is written up.
        self._papers.answer(identifier, given, [content for _, content in files])
        details: dict[str, Scalar] = {"question": asked.id, "choice": choice, "files": len(files)}
        self._keeping.record(who.name, who.role, "answer-question", identifier, details=details)

    def _terminal(self, wanted: Wanted) -> tuple[str, Terminal, bytes]:
        from sekisho.workflows.describe import read_terminal, terminal_at

        if not wanted.described:
            return wanted.address, terminal_at(wanted.address), b""
        if wanted.described not in self.described():
            raise DescriptionError(
                Text(ja="その機器記述はない", en="there is no such description"), wanted.described[:80]
            )
        path = self._data.resolve() / "terminals" / wanted.described
        try:
            content = path.read_bytes()
            return f"terminals/{wanted.described}", read_terminal(path, content=content), content
        except OSError as error:
            raise DescriptionError(
                Text(ja="ファイルが読めない", en="the file can't be read"),
                f"{wanted.described}: {error.strerror}",
            ) from error
        except DescriptionError as error:  # named as people know it, without where this machine keeps it
            raise DescriptionError(
                error.what, error.where.replace(f"{path.parent}/", ""), error.todo
            ) from error

    @staticmethod
    def _check_names(wanted: Wanted) -> None:
        from sekisho import plugins

        for kind, chosen in (("catalogues", wanted.catalogues), ("probes", wanted.only)):
            unknown = [one for one in chosen if one not in plugins.names(kind)]
            if unknown or (kind == "catalogues" and not chosen):
                raise DescriptionError(
                    Text(
                        ja="判定の基準か試験の名が正しくない", en="no such catalogue or probe, or none chosen"
                    ),
                    ", ".join(unknown)[:200],
                )

    def _may_start(self, addresses: tuple[str, ...]) -> None:
        living, most = self.alive(), self.rules.at_once
        wanted = {bounds.plain(one) for one in addresses}
        busy = [one.order for one in living if wanted & {bounds.plain(own) for own in one.order.addresses}]
        other = "" if busy else next(self._elsewhere(addresses), "")
        if busy or other:
            raise ConflictError(
                Text(ja="この端末は今、評価の最中である", en="this terminal is being assessed right now"),
                busy[0].id if busy else other,
                Text(ja="終わるのを待つか、それを止める", en="wait for its end, or stop it"),
            )
        if len(living) >= most:
            raise ConflictError(
                Text(ja=f"同時に行えるのは {most} 件まで", en=f"{most} at once at most"),
                ", ".join(one.order.id for one in living),
                Text(
                    ja="終わるのを待つ。数は assess.toml の at_once",
                    en="wait for an end; at_once in assess.toml sets it",
                ),
            )

    def _elsewhere(self, addresses: tuple[str, ...]) -> Iterator[str]:
        """Yield assessments of the same terminal that somebody runs from a command line."""
        from sekisho.stores import assessment_reading as reading

        root = self._data / "assessments"
        for name, _ in reading.folders(root):
            if reading.running(root / name):
                described = reading.terminal_of(root / name, reading.read_chain(root / name))
                interfaces = described.interfaces if described else ()
                own = {bounds.plain(address) for one in interfaces for address in one.addresses}
                if own & {bounds.plain(one) for one in addresses}:
                    yield name

    def _spawn(self, order: Order, language: Language, *, resume: bool = False) -> None:
        processes.spawn(self._papers, self._data, order, language, self.rules, self.ports, resume=resume)

    def _note(self, who: Actor, act: str, order: Order, allowed_by: str = "") -> None:
        details: dict[str, Scalar] = {
            "terminal": order.terminal,
            "addresses": " ".join(order.addresses)[:500],
        }
        if allowed_by:
            details |= {"allowed_by": allowed_by, "catalogues": " ".join(order.catalogues)}
        self._keeping.record(who.name, who.role, act, order.id, basis=_BASIS, details=details)

    def _known(self, identifier: str) -> Run:
        run = self._papers.run(identifier)
        if run is None:
            raise DescriptionError(_NONE, identifier[:80])
        return run

    @property
    def _assessing(self) -> ModuleType:
        def load() -> ModuleType:
            from sekisho.wiring import assessing

            return assessing

        return self._folder.once("wiring.assessing", load)


def _limits(wanted: Wanted) -> Limits:
    given = {
        "connections_per_second": wanted.rate,
        "requests_per_second": wanted.requests,
        "wrong_in_a_row": wanted.wrong,
        "quiet_seconds": wanted.quiet,
    }
    return msgspec.structs.replace(Limits(), **{name: value for name, value in given.items() if value > 0})


def _name(ready: Ready) -> str:
    told = ready.terminal.model or ready.addresses[0]
    safe = "".join(one if one.isascii() and (one.isalnum() or one in "-.") else "-" for one in told)[:40]
    return f"{moment.local():%Y%m%d-%H%M%S}-{safe}"
