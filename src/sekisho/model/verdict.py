"""Verdicts and findings: what a criterion says, and how several of them add up.

The order NONE < NOT_APPLICABLE < PASS < INCONCLUSIVE < FAIL follows TTCN-3 (ETSI ES 201 873-1):
`combine` is the maximum, and combining nothing gives NONE, never PASS.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

import msgspec

from sekisho.language import Text
from sekisho.model.evidence import Pointer

Scalar = str | int | float | bool | None


class Verdict(IntEnum):
    """The five verdicts; a larger one wins."""

    NONE = 0
    NOT_APPLICABLE = 1
    PASS = 2
    INCONCLUSIVE = 3
    FAIL = 4

    @property
    def label(self) -> Text:
        """The word shown to people."""
        return _LABELS[self]


_LABELS = {
    Verdict.NONE: Text(ja="未実施", en="Not run"),
    Verdict.NOT_APPLICABLE: Text(ja="対象外", en="Not applicable"),
    Verdict.PASS: Text(ja="合格", en="Pass"),
    Verdict.INCONCLUSIVE: Text(ja="判定不能", en="Undecided"),
    Verdict.FAIL: Text(ja="不合格", en="Fail"),
}


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of several that must all hold; of none at all, NONE."""
    return max(verdicts, default=Verdict.NONE)


def whole(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over duties of which every one was to be judged (a clause, a catalogue).

    As `combine`, but a part that was never run (NONE) beside parts that passed keeps the whole undecided.
    """
    found = tuple(verdicts)
    total = combine(found)
    if Verdict.NONE in found and total in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
        return Verdict.INCONCLUSIVE
    return total


def either(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of several of which one suffices (an any-of branch of a clause).

    One PASS is a PASS. Without one, an undecided or unmeasured branch keeps the whole undecided: it
    might have passed. Only branches that all failed (or don't apply beside a failed one) fail.
    """
    found = set(verdicts)
    if Verdict.PASS in found:
        return Verdict.PASS
    if Verdict.INCONCLUSIVE in found:
        return Verdict.INCONCLUSIVE
    if Verdict.NONE in found:
        return Verdict.NONE if found == {Verdict.NONE} else Verdict.INCONCLUSIVE
    return max(found, default=Verdict.NONE)


class Assurance(StrEnum):
    """How a finding is known: seen by the tool, said by the maker, or seen by a person."""

    OBSERVED = "observed"
    DECLARED = "declared"
    WITNESSED = "witnessed"


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one criterion says: an id and its arguments, never a sentence.

    ``reason`` names an entry of the criterion's ``reasons``; ``arguments`` fill it. ``because`` points
    at the evidence. ``claim`` is a maker's claim of an equivalent measure (同等以上), shown as such.
    """

    criterion: str
    verdict: Verdict
    reason: str
    arguments: dict[str, Scalar] = {}
    because: tuple[Pointer, ...] = ()
    assurance: Assurance = Assurance.OBSERVED
    claim: str = ""
    details: tuple[Detail, ...] = ()


class Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line under a finding: a subject (a port, a login path, an image) with its own reason."""

    subject: str
    verdict: Verdict
    reason: str
    arguments: dict[str, Scalar] = {}
    because: tuple[Pointer, ...] = ()


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict on one requirement, with the findings that it was made of."""

    catalogue: str
    requirement: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    note: str = ""
