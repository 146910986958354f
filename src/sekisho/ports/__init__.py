"""Every socket in the wall, on one page: what a unit must offer and what it is given.

A probe gets a `Wire` and nothing else to talk with. Whoever implements a port lives in ``wires`` or
``stores``; fakes of the same shape live in ``tests/fakes``.

Entry criterion for a new port: two implementations (a real one and a fake or a second engine), at most
five methods, and no type of a library in its signatures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import msgspec

from sekisho.formats.http import Reply, Request
from sekisho.language import Language, Text
from sekisho.model.assessment import Assessment, Limits, Risk
from sekisho.model.evidence import Attempt, Evidence, Record, Transcript
from sekisho.model.observation import Observation, Observations
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Code, Login, Recipe, Terminal
from sekisho.model.verdict import Finding, Scalar

T = TypeVar("T")
S = TypeVar("S")
Parameters = Mapping[str, Scalar | list[Scalar]]


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address and port to talk to; ``source`` is one of our own addresses, or empty."""

    address: str
    port: int
    transport: str = "tcp"
    tls: bool = False
    source: str = ""
    device: str = ""


class Clock(Protocol):
    """Time, handed in."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Connection(Protocol):
    """A byte stream to the terminal; all of it goes to a bounded transcript. Failures raise `PeerFailure`."""

    async def send(self, data: bytes) -> None:
        """Send all of ``data`` or raise PeerFailure."""
        ...

    async def receive(self, limit: int = 65_536, seconds: float | None = None) -> bytes:
        """Return the next bytes; ``b""`` when the peer has closed in order."""
        ...

    async def close(self) -> None:
        """End it; never raises."""
        ...


class PortState(StrEnum):
    """What a connect scan saw. ``silent`` is unknown for UDP and filtered for TCP."""

    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"
    UNREACHABLE = "unreachable"


class Scan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scan's result: the ports by state (closed ones only counted), how long, whether it is whole."""

    address: str
    transport: str
    open: tuple[int, ...]
    silent: tuple[int, ...]
    unreachable: tuple[int, ...]
    closed: int
    probed: int
    asked: int
    seconds: float
    note: str = ""


class Datagram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A UDP answer: from which address and port, what."""

    address: str
    port: int
    data: bytes


class Net(Protocol):
    """Packets to the terminal, within scope and rate. A call outside the scope raises AuthorisationError."""

    async def open(self, endpoint: Endpoint) -> Connection:
        """Connect (TCP, and TLS when asked for) or raise PeerFailure."""
        ...

    async def ask(
        self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16
    ) -> tuple[Datagram, ...]:
        """Send one datagram and gather the answers of ``seconds``; none is an empty tuple.

        An ICMP port unreachable raises PeerFailure("refused").
        """
        ...

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        """Connect-scan TCP ``ports`` of the endpoint's address (its own port is ignored)."""
        ...

    async def fetch(self, endpoint: Endpoint, request: Request) -> Reply:
        """Send one HTTP request, follow nothing, return the reply (bounded body, unpacked)."""
        ...


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recipe brought: the ``value`` found (None when not found) and the raw reply in short."""

    value: str | None
    status: int = 0
    digest: str = ""
    title: str = ""
    length: int = 0
    excerpt: str = ""
    location: str = ""
    failure: str = ""


class Session(Protocol):
    """Signed in at a login path (or anonymous): runs recipes with that right.

    Never raises PeerFailure: what the peer did wrong is ``Reading.failure``.
    """

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        """Do ``recipe`` with its placeholders filled from ``values``."""
        ...

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        """Send ``image`` as the recipe says."""
        ...

    async def close(self) -> None:
        """End it; never raises."""
        ...


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a login ended. ``accepted`` is None when it can't be told; ``proof`` says how it was told.

    ``locked`` when the terminal says or shows that it delays or locks (429, 503, text, closed port).
    ``prompted`` when it asked for a change of the code; ``seconds`` until the answer.
    """

    accepted: bool | None
    proof: str
    seconds: float
    reply: Reading
    prompted: bool = False
    locked: bool = False
    failure: str = ""


class Access(Protocol):
    """Login paths of the terminal, by their declared kind, within the budget of wrong logins."""

    async def sign_in(
        self,
        login: Login,
        code: Code | None,
        *,
        source: str = "",
        measuring: bool = False,
        listed: bool = False,
    ) -> tuple[SignIn, Session]:
        """Try ``code`` (None: no credential at all). ``measuring`` counts against ``throttle_tries``.

        ``listed``: one of a list of guesses, which leaves the share of the budget that the controls need.
        A used-up budget sends nothing and gives ``SignIn(accepted=None, failure="budget")``.
        """
        ...

    async def visit(self, login: Login, *, source: str = "") -> Session:
        """Return an anonymous session at the same service."""
        ...

    def learn(self, values: Mapping[str, str]) -> None:
        """Fill ``{name}`` in every recipe from now on, where nothing else gives a value."""
        ...

    def discovered(self, endpoint: Endpoint, pages: Iterable[Reply]) -> tuple[Login, ...]:
        """Return the login paths that ``pages`` of an undescribed web service show."""
        ...


class Power(Protocol):
    """The power cord of the terminal."""

    async def cut(self) -> None:
        """Take the power away at once."""
        ...

    async def restore(self) -> None:
        """Give the power back; does not wait for the boot."""
        ...


class Host(Protocol):
    """Our side of a terminal: declared commands that run here, such as the installer of a program."""

    async def run(self, command: Sequence[str]) -> str:
        """Run an argument list without a shell; return its output. Raises PeerFailure when it fails."""
        ...

    async def install(self, command: Sequence[str], image: bytes, name: str) -> str:
        """Run an argument list with the file of ``image`` in the place of ``{file}``."""
        ...


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An open port that an earlier probe found; ``protocol`` is empty until somebody has talked to it."""

    interface: str
    address: str
    transport: str
    port: int
    protocol: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question for a person: stable id, step-by-step text, allowed answers, what to attach."""

    id: str
    text: Text
    steps: tuple[Text, ...] = ()
    choices: tuple[str, ...] = ("yes", "no", "unknown")
    attach: bool = False


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's answer: choice, note, who, when, and the evidence ids of attached files."""

    question: str
    choice: str
    person: str
    at: str
    note: str = ""
    attachments: tuple[str, ...] = ()


class Person(Protocol):
    """Whoever sits beside the device. None means that nobody is there."""

    async def ask(self, question: Question) -> Answer | None:
        """Return the answer, or None when nobody answers."""
        ...


class Wire(Protocol):
    """The only way to the terminal; records everything, enforces scope, rate and authorisation."""

    net: Net
    access: Access
    power: Power | None
    reset: Callable[[], Awaitable[None]] | None
    host: Host
    person: Person
    clock: Clock
    limits: Limits
    found: tuple[Found, ...]
    risks: tuple[str, ...]

    async def step(
        self,
        name: str,
        action: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        once: bool = False,
        undo: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Record:
        """Do ``action`` and journal what it returns, with its times and transcripts.

        A step already journalled (a resumed run) is not done again: its record is returned. A ``once``
        step (an update, a power cut, a lockout) that had begun when the run died is not repeated
        either: its record has the failure ``interrupted``; read the state back. ``undo`` names a setting to restore
        (``{"setting": name, "value": old}``) if the run dies before `restored` is journalled. PeerFailure inside ``action`` becomes the record's
        failure; ``seconds`` (default ``limits.step_seconds``) bounds the step.
        """
        ...

    async def together(self, actions: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Do ``actions`` at the same time and return what they return, in order."""
        ...

    async def beside(
        self, action: Callable[[], Awaitable[T]], other: Callable[[], Awaitable[S]], grace: float
    ) -> tuple[T | None, S]:
        """Do both at once; when ``other`` has ended, ``action`` has ``grace`` seconds left, and is None if given up."""
        ...

    def restored(self, setting: str) -> None:
        """Journal that ``setting`` is back to its old value, so that a resumed run need not."""
        ...

    def attach(self, name: str, content: bytes) -> str:
        """Keep a file (image, page, photo) as evidence; return its id (SHA-256)."""
        ...

    def seal(self, attempt: Attempt) -> Evidence:
        """Return the evidence of this probe: its records so far and how it ended."""
        ...


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the evidence chain: ``hash`` covers everything else, ``prev`` the line before."""

    seq: int
    at: str
    kind: str
    body: dict[str, Any]
    prev: str
    hash: str = ""


class EvidenceStore(Protocol):
    """Where evidence is kept: an append-only chain of events and blobs named by their SHA-256."""

    head: str

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Add an event; it is on the disk when this returns. Raises StoreError and keeps the rest good."""
        ...

    def keep(self, content: bytes, *, kind: str, name: str = "") -> str:
        """Keep a blob and list it in the chain; return its id."""
        ...

    def read(self, identifier: str) -> bytes:
        """Return a blob; EvidenceError when it is gone or altered."""
        ...

    def events(self) -> Iterable[Event]:
        """Return the events so far, in order."""
        ...

    def close(self) -> None:
        """Release the folder."""
        ...


class Watcher(Protocol):
    """Is told what a run does, for progress on a screen."""

    def probe_began(self, probe: str, number: int, count: int) -> None:
        """Probe ``number`` of ``count`` begins."""
        ...

    def probe_ended(self, probe: str, attempt: Attempt) -> None:
        """A probe has ended."""
        ...

    def step_began(self, probe: str, step: str) -> None:
        """A step begins."""
        ...

    def step_ended(self, probe: str, record: Record) -> None:
        """A step has ended."""
        ...


class Probe(Protocol):
    """Asks the terminal one question. ``collect`` talks; ``observe`` is pure and in the same file.

    The docstring of the module has Question, How, Evidence, Limits, Source. ``facts`` documents every
    observation name that `observe` gives.
    """

    name: str
    version: str
    risk: Risk
    title: Text
    facts: Mapping[str, Text]

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say what will be sent to this terminal; empty when there is nothing to ask."""
        ...

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Talk to the terminal through ``wire`` and return what it said."""
        ...

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts that ``facts`` documents; pure."""
        ...


class Criterion(Protocol):
    """Judges: observations and parameters in, finding out. Pure.

    ``reasons`` holds the sentence of every reason id that its findings and details can carry.
    ``needs`` names the probes whose facts it reads.
    """

    name: str
    title: Text
    needs: tuple[str, ...]
    reasons: Mapping[str, Text]

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Return the finding; a missing fact is never a PASS."""
        ...


class Document(msgspec.Struct, frozen=True):
    """All that a renderer needs, already looked up: it reads no file and no clock."""

    assessment: Assessment
    terminal: Terminal
    catalogues: tuple[Catalogue, ...]
    criteria: Mapping[str, Criterion]
    probes: Mapping[str, Probe]
    evidence: tuple[Evidence, ...]
    transcripts: Mapping[str, Transcript]
    provenance: Mapping[str, str]
    authorisation: Mapping[str, Any]
    chain_head: str
    made_at: str
    language: Language
    previous: Assessment | None = None
    sources: Mapping[str, Text] = {}


class Renderer(Protocol):
    """Makes one document. ``suffix`` is the file name's end; languages it can write, or none."""

    name: str
    suffix: str
    by_language: bool

    def render(self, document: Document) -> bytes:
        """Return the file's bytes; the same document gives the same bytes."""
        ...
