"""What may be done with data of each stage, as data: purposes, legal grounds, columns, days.

The operator's settings may make the days fewer; nothing makes them more than the hard maximum. No legal text that was
read fixes a number of days, so the numbers are our own defaults, and each row says so (``days_confidence``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.requirement import Confidence

_FILE = Path(__file__).parent / "data_handling.toml"
_DAY = 86_400_000
_HOUR = 3_600_000


class Handling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule of one stage; ``days`` is the default and ``most_days`` the maximum that no setting exceeds.

    ``columns`` is the allow-list (for raw flows: of WATCHED). ``source`` and ``confidence`` stand for the purposes and
    grounds, ``days_source`` and ``days_confidence`` for the days. ``late_days``: what is older than ``days`` already when
    it is taken in is kept so long from then on (never beyond the maximum).
    """

    title: Text
    purposes: tuple[Purpose, ...]
    basis: tuple[LegalBasis, ...]
    columns: tuple[str, ...]
    days: float
    most_days: float
    source: tuple[str, ...]
    confidence: Confidence
    days_source: tuple[str, ...]
    days_confidence: Confidence
    late_days: float = 0.0

    @property
    def milliseconds(self) -> int:
        """The days to keep, in milliseconds."""
        return int(self.days * _DAY)

    @property
    def most_milliseconds(self) -> int:
        """The maximum, in milliseconds."""
        return int(self.most_days * _DAY)

    @property
    def late_milliseconds(self) -> int:
        """How long what came late is kept, in milliseconds: not longer than anything else."""
        return int(min(self.late_days, self.days) * _DAY)


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, Text]
    stages: dict[Stage, Handling]


def read_handling(days: Mapping[str, float] | None = None, file: Path = _FILE) -> dict[Stage, Handling]:
    """Return the rule of every stage; ``days`` are the operator's own days by stage.

    :raises CatalogueError: an unknown stage or source, days above the maximum or not above zero, a stage without a rule
    """
    rules = _parsed(file)
    for stage in Stage:
        if stage not in rules.stages:
            raise _error("規則のない段階がある", "a stage has no rule", f"{file.name}: {stage}")
    for stage, rule in rules.stages.items():
        for tag in (*rule.source, *rule.days_source):
            if tag not in rules.sources:
                raise _error("出典がない", "no such source", f"{file.name}: {stage}: {tag}")
        _check_days(stage, rule.days, rule.most_days, file.name)
    found = dict(rules.stages)
    for name, own in (days or {}).items():
        if name not in found:
            raise _error("その名前の段階はない", "there is no stage of that name", name)
        stage = Stage(name)
        _check_days(stage, own, found[stage].most_days, "")
        found[stage] = msgspec.structs.replace(found[stage], days=float(own))
    return found


@cache
def sources() -> dict[str, Text]:
    """Return the titles of the sources that the rules cite."""
    return _parsed(_FILE).sources


def label(
    rules: Mapping[Stage, Handling],
    stage: Stage,
    purposes: tuple[Purpose, ...],
    basis: LegalBasis,
    now: int,
    origin: str = "",
) -> Label:
    """Return the label of data of ``stage`` taken in at ``now`` (milliseconds).

    The expiry is rounded down to the hour when that is no great part of it, so that what comes in one after the other
    carries one label, and is kept together.

    :raises CatalogueError: the rule of the stage does not have that purpose or ground
    """
    rule = rules[stage]
    for purpose in purposes:
        if purpose not in rule.purposes and purpose is not Purpose.DEMONSTRATION:
            raise _error(
                "この段階のデータはその目的に使えない",
                "data of this stage may not serve that purpose",
                f"{stage}: {purpose}",
            )
    if Purpose.DEMONSTRATION in purposes and basis is not LegalBasis.NOT_COMMUNICATION:
        raise _error(
            "実演に使えるのは通信に当たらないデータだけ",
            "only data that are nobody's communication may serve a demonstration",
            f"{stage}: {basis}",
        )
    if basis not in rule.basis:
        raise _error(
            "この段階のデータにその根拠は使えない",
            "data of this stage may not rest on that ground",
            f"{stage}: {basis}",
        )
    expires = now + rule.milliseconds
    if rule.milliseconds >= _DAY:
        expires = expires // _HOUR * _HOUR
    return Label(purposes, basis, stage, expires, origin)


def _check_days(stage: Stage, days: float, most: float, where: str) -> None:
    if not 0 < days <= most:
        prefix = f"{where}: " if where else ""
        raise CatalogueError(
            Text(
                ja=f"保存日数は0より大きく、上限の{most:g}日以下とする",
                en=f"the days to keep must be more than 0 and not more than the maximum of {most:g}",
            ),
            f"{prefix}{stage}: {days:g}",
            Text(
                ja="設定で短くはできるが、上限は越えられない",
                en="a setting may shorten; nothing exceeds the maximum",
            ),
        )


def _parsed(file: Path) -> _Rules:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Rules)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise _error(
            "データ取扱い規則を読めない", "the rules of handling can't be read", f"{file.name}: {error}"
        ) from error


def _error(ja: str, en: str, where: str) -> CatalogueError:
    return CatalogueError(Text(ja=ja, en=en), where)
