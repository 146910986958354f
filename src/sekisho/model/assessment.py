"""An assessment: who allowed it, what is planned, what came of it."""

from __future__ import annotations

from datetime import date
from enum import IntEnum

import msgspec

from sekisho.language import Text
from sekisho.model.evidence import Attempt, Instrument
from sekisho.model.observation import Observation
from sekisho.model.verdict import Judged, Verdict, whole

# Notes of a `Judged` row that is shown and not counted.
UNBOUND = frozenset({"information", "recommended", "guideline"})


class Risk(IntEnum):
    """How much a probe may disturb, in the order in which the planner runs them.

    The factory state comes right after looking: first use is measured there, and leaves the terminal set up
    with the code that the later logins need. The lockout measurement is last.
    """

    READ = 0
    FACTORY = 1
    LOGIN = 2
    WRITE = 3
    UPDATE = 4
    POWER = 5
    LOCKOUT = 6


class Authorisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who allowed active tests, when and for which addresses (不正アクセス禁止法 2条4項).

    ``allowed_by`` is the アクセス管理者 (or acts for it). Nothing is sent outside ``addresses`` (prefixes)
    or the dates; ``macs`` and ``host_keys``, when given, pin the device itself. Risks not listed are not run.
    """

    allowed_by: str
    role: str
    statement: str
    signed_on: date
    addresses: tuple[str, ...]
    valid_from: date
    valid_until: date
    organisation: str = ""
    macs: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()
    risks: tuple[str, ...] = ("read", "login", "write", "lockout")
    public_addresses: bool = False


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What bounds every run: rates per second, bytes, seconds, wrong logins.

    ``wrong_in_a_row`` is per account and reset by a right login; ``wrong_per_account`` is the total per
    account, not counting the throttle measurement, which has ``throttle_tries`` of its own.
    ``connections_per_second`` is the ceiling of the port scan; below it the scan goes as fast as the terminal
    answers and slows down when answers get late or lost. Lower it (``--rate``) for a frail device.
    ``list_seconds`` is what the public codes may take at one shell: where each refusal is delayed, the codes
    of undeclared users come last, and what was left out is reported. ``quiet_seconds`` is what is waited before a power
    cut until no earlier write can be on its way to the medium (ext4 commits every 5 s by default).
    ``patience_seconds`` is how long a single delay of a brake on repeated login is waited out; a longer one is taken
    as a lock of at least that, which favours the attacker. ``rescan_seconds`` is what the first port scan of an address
    may have taken for a second one to be made; 0 makes none.
    """

    connections_per_second: float = 200_000.0
    requests_per_second: float = 50.0
    concurrent: int = 64
    answer_bytes: int = 4 * 1024 * 1024
    transcript_bytes: int = 256 * 1024
    step_seconds: float = 600.0
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    wrong_in_a_row: int = 3
    wrong_per_account: int = 80
    throttle_tries: int = 120
    list_seconds: float = 120.0
    quiet_seconds: float = 6.0
    patience_seconds: float = 64.0
    rescan_seconds: float = 20.0


class TestRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """検査記録: the record fields of 認定規則 21条 and 41条: number, date, place, person, method, subcontractor."""

    number: str = ""
    date: str = ""
    place: str = ""
    person: str = ""
    method: str = ""
    subcontractor: str = ""
    instruments: tuple[Instrument, ...] = ()


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One probe in the plan: whether it runs, what it will do, or why it will not."""

    probe: str
    risk: Risk
    runs: bool
    why: str = ""
    what: tuple[Text, ...] = ()


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What would be sent, in order; printed by ``--dry-run``."""

    targets: tuple[str, ...]
    catalogues: tuple[str, ...]
    probes: tuple[Planned, ...]


class Assessment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The outcome: attempts, facts and verdicts, with what they were judged by."""

    id: str
    began: str
    ended: str
    tool: str
    record: TestRecord
    attempts: dict[str, Attempt]
    facts: tuple[Observation, ...]
    judged: tuple[Judged, ...]
    catalogues: tuple[str, ...]

    def verdict(self, catalogue: str) -> Verdict:
        """Return the verdict over a catalogue's duties.

        Rows of information, recommendations and matters of a guideline are shown but bind nobody, so they
        don't count; `UNBOUND` are their notes.
        """
        return whole(
            one.verdict for one in self.judged if one.catalogue == catalogue and one.note not in UNBOUND
        )
