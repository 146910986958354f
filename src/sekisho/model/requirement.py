"""Requirements as data: a catalogue is one edition of one standard, with validity dates.

Law and thresholds live in ``catalogues/*.toml``; nothing here or in a criterion holds a number of them.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from sekisho.language import Language, Text
from sekisho.model.verdict import Scalar


class Status(StrEnum):
    """What force a catalogue has."""

    IN_FORCE = "in-force"
    PROPOSED = "proposed"
    VOLUNTARY = "voluntary"
    FOREIGN = "foreign"
    PARAMETERS = "parameters"


class Confidence(StrEnum):
    """How well a fact is known: A primary text, B good secondary, C inference, D unverified."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tree over criteria: exactly one of ``criterion``, ``all`` and ``any`` is set.

    ``parameters`` go to the criterion as they stand. ``info`` marks a leaf that is shown but not counted.
    """

    criterion: str = ""
    parameters: dict[str, Scalar | list[Scalar]] = {}
    all: tuple[Rule, ...] = ()
    any: tuple[Rule, ...] = ()
    info: bool = False


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a parameter's number or list comes from; the source ``Sekisho`` marks a choice of our own."""

    confidence: Confidence
    sources: tuple[str, ...]
    remark: Text | None = None


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a conditional provision applies, in our own words, and how well we know that."""

    text: Text
    confidence: Confidence


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One duty. Without a ``rule`` it is judged NONE, loudly.

    ``obligation``: mandatory, recommended, guideline (meant for a guideline, not for the rule itself)
    or info (shown, no duty). ``condition`` is an id of the catalogue's ``conditions``. ``crosswalk``
    names near requirements of other catalogues as ``catalogue/requirement``. ``clause_en`` says a Japanese ``clause``
    in English, in our own words.
    """

    id: str
    clause: str
    title: Text
    gist: Text
    confidence: Confidence
    sources: tuple[str, ...]
    obligation: str = "mandatory"
    condition: str = ""
    rule: Rule | None = None
    remark: Text | None = None
    crosswalk: tuple[str, ...] = ()
    clause_en: str = ""

    def clause_in(self, language: Language) -> str:
        """Return where it stands; a Japanese clause has our own English words beside it."""
        return self.clause_en if language is Language.EN and self.clause_en else self.clause


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One edition of one standard. ``effective_from`` is null for what is not law yet.

    ``applicability`` names a criterion that is judged first: NOT_APPLICABLE there ends the matter.
    ``parameters`` are the numbers and lists that its rules refer to as ``$name``; ``bases`` says of each
    where it comes from. ``parameters_from`` names a catalogue whose parameters are taken over (the loader
    has merged them already; its own win). Editions of one ``standard`` must not overlap in time;
    ``effective_until`` is the last day in force.
    """

    id: str
    title: Text
    edition: Text
    status: Status
    confidence: Confidence
    sources: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    effective_from: date | None = None
    effective_until: date | None = None
    applicability: str = ""
    parameters: dict[str, Scalar | list[Scalar]] = {}
    parameters_from: str = ""
    bases: dict[str, Basis] = {}
    conditions: dict[str, Condition] = {}
    standard: str = ""
    notice: Text | None = None
    credit: str = ""

    def requirement(self, identifier: str) -> Requirement | None:
        """Return the requirement called ``identifier``."""
        return next((one for one in self.requirements if one.id == identifier), None)
