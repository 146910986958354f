"""A run of an assessment that a console started: what was ordered, how far it is, what a person is asked meanwhile.

A run is a process of its own. Console and process tell each other everything by small files in one folder, so that
either may end and begin again: the nouns here are what those files hold. Times are milliseconds of the epoch.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sekisho.errors import NOTHING
from sekisho.language import Text

ORDER, PROGRESS, PROCESS, LOCK, STOP = "order.json", "progress.json", "process.json", "lock", "stop.json"
AUTHORISATION, LIMITS, LOG, OUTCOME = "authorisation.toml", "limits.toml", "log", "outcome.json"
#: The description as it was checked at the start: the run reads this one, whatever becomes of the other.
DESCRIPTION = "terminal.toml"
QUESTIONS, ANSWERS = "questions", "answers"
#: The exit codes of ``sekisho assess`` that end a run in order: met, not met, undecided.
JUDGED_CODES = (0, 1, 3)
STOPPED_CODE = 130
#: Private space (RFC 1918, RFC 4193); not link-local addresses, by which clouds and hosts are administered.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class RunRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What bounds runs of one console; a file ``assess.toml`` in the data folder may say otherwise.

    :ivar at_once: how many runs go at the same time
    :ivar answer_seconds: how long a question waits for an answer; after that it counts as not answered
    :ivar files: how many files an answer may have, ``file_octets`` how large each may be
    :ivar prefixes: what may be assessed; private space unless the file names something else
    :ivar public: public prefixes that may be, when whoever starts the run says that it is meant
    :ivar own: prefixes in which this machine's own addresses (loopback and interfaces) may be
    :ivar most_days: how long an authorisation may last
    """

    at_once: int = 2
    answer_seconds: float = 3600.0
    files: int = 4
    file_octets: int = 12 * 1024 * 1024
    prefixes: tuple[str, ...] = PRIVATE
    public: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    most_days: int = 90


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was ordered, by whom and when.

    :ivar id: name of the run and of its evidence folder
    :ivar target: path of the description within the data folder, or an address
    :ivar terminal: maker and model, or the address, for people
    :ivar addresses: of the terminal; two runs never share one
    :ivar ask: whether somebody will answer questions
    """

    id: str
    target: str
    terminal: str
    addresses: tuple[str, ...]
    catalogues: tuple[str, ...]
    by: str
    at: int
    only: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    ask: bool = True
    place: str = ""
    number: str = ""
    method: str = ""


class Ended(msgspec.Struct, frozen=True):
    """How a run ended, in its own words; ``code`` is its exit code."""

    at: int
    code: int
    what: Text = NOTHING
    where: str = ""
    todo: Text = NOTHING


class ProbeGoes(msgspec.Struct, frozen=True):
    """One probe of a run: ``status`` is empty until it ended, ``began`` is 0 until it begins."""

    name: str
    began: int = 0
    seconds: float = 0.0
    steps: int = 0
    status: str = ""
    reason: str = ""
    detail: str = ""


class Progress(msgspec.Struct, frozen=True):
    """How far a run is.

    :ivar at: when this was written; ``began`` when this process began
    :ivar step: what is being done now; ``scanned`` and ``ports`` how far a port scan is
    :ivar probes: in the order of the plan
    """

    at: int
    began: int
    probes: tuple[ProbeGoes, ...] = ()
    probe: str = ""
    step: str = ""
    scanned: int = 0
    ports: int = 0
    ended: Ended | None = None


class Process(msgspec.Struct, frozen=True):
    """The process of a run; a number may go to a stranger, number and start (clock ticks since boot) never."""

    pid: int
    started: int


class Asking(msgspec.Struct, frozen=True):
    """A question that waits for an answer.

    :ivar number: its number in the run; ``until`` when it counts as not answered
    :ivar id: of the question, ``attach`` whether files belong to its answer
    """

    number: int
    id: str
    text: Text
    steps: tuple[Text, ...]
    choices: tuple[str, ...]
    attach: bool
    at: int
    until: int

    @property
    def timed(self) -> bool:
        """Whether the moment of the answer is the measurement: a plug is pulled, a button is pressed."""
        return self.choices[:1] == ("done",)


class SentFile(msgspec.Struct, frozen=True):
    """A file that came with an answer: the name it was given, and its SHA-256."""

    name: str
    sha256: str
    octets: int


class Answered(msgspec.Struct, frozen=True):
    """An answer; ``choice`` is empty when the person leaves the question open. ``at`` is ISO 8601."""

    number: int
    question: str
    choice: str
    person: str
    at: str
    note: str = ""
    files: tuple[SentFile, ...] = ()


class RunState(StrEnum):
    """Where a run stands. ``DIED``: its process is gone and said nothing."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETE = "complete"
    FAILED = "failed"
    DIED = "died"

    @property
    def label(self) -> Text:
        """The word shown to people."""
        return _STATES[self]

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return self in (RunState.STARTING, RunState.RUNNING)


_STATES = {
    RunState.STARTING: Text(ja="起動中", en="starting"),
    RunState.RUNNING: Text(ja="実施中", en="running"),
    RunState.STOPPED: Text(ja="中断", en="stopped"),
    RunState.COMPLETE: Text(ja="完了", en="complete"),
    RunState.FAILED: Text(ja="失敗", en="failed"),
    RunState.DIED: Text(ja="途絶", en="died"),
}


class Run(msgspec.Struct, frozen=True):
    """A run as it stands now.

    :ivar resumable: whether it left evidence to go on with
    :ivar stopped_by: who asked it to stop; ``log`` the last words of its process
    :ivar free: octets that its disk still takes; None when that can't be told
    """

    order: Order
    state: RunState
    progress: Progress | None
    asking: tuple[Asking, ...] = ()
    resumable: bool = False
    stopped_by: str = ""
    log: str = ""
    free: int | None = None


class RunsNow(msgspec.Struct, frozen=True):
    """What runs ask of people now, newest first.

    :ivar alive: runs whose processes live
    :ivar failed: runs that failed or died lately, while no newer run of the same terminal began
    """

    alive: tuple[Run, ...] = ()
    failed: tuple[Run, ...] = ()

    @property
    def asking(self) -> tuple[Run, ...]:
        """Those whose question waits for an answer."""
        return tuple(one for one in self.alive if one.asking)


def state_of(*, alive: bool, progress: Progress | None, stopped: bool) -> RunState:
    """Return where a run stands by whether its process lives and what it said last."""
    ended = progress.ended if progress else None
    if alive:
        return RunState.RUNNING if progress and not ended else RunState.STARTING
    if ended is None:
        return RunState.STOPPED if stopped else RunState.DIED
    if ended.code in JUDGED_CODES:
        return RunState.COMPLETE
    return RunState.STOPPED if ended.code == STOPPED_CODE else RunState.FAILED
