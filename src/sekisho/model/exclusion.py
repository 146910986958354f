"""What the description leaves out of the measurement: a port that nobody looked at is never passed over in silence."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sekisho.language import Text
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Exclusion, Terminal
from sekisho.model.verdict import Detail, Finding, Verdict

EXCLUDED = "excluded"
#: The sentence of a port that was left out; criteria that speak of every port or path take it into their reasons.
EXCLUDED_TEXT = Text(
    ja="機器記述により試験から外されているため、判定できない（{why}）。",
    en="Excluded by the description, so nothing is known of it ({why}).",
)


def left_out(
    observations: Observations, terminal: Terminal, transports: Iterable[str] = ("tcp", "udp")
) -> tuple[Detail, ...]:
    """Return one undecided detail for each excluded port of ``transports``, seen in the evidence or in the description.

    A port that was proved to be the testing machine's own is none of the terminal's, and leaves nothing undecided.
    """
    chosen = frozenset(transports)
    facts: dict[str, Observation | Exclusion] = {
        f"{one.transport}/{one.port}": one
        for one in terminal.exclusions
        if one.transport in chosen and not one.host
    }
    facts |= {
        fact.subject: fact
        for fact in observations.of("port.excluded")
        if fact.subject.partition("/")[0] in chosen and fact.attributes.get("host") is not True
    }
    return tuple(
        Detail(
            subject, Verdict.INCONCLUSIVE, EXCLUDED, {"why": fact.attributes.get("reason", "")}, fact.because
        )
        if isinstance(fact, Observation)
        else Detail(subject, Verdict.INCONCLUSIVE, EXCLUDED, {"why": fact.reason})
        for subject, fact in facts.items()
    )


def bounded(finding: Finding, missing: tuple[Detail, ...]) -> Finding:
    """Return ``finding`` with what was left out shown; a pass (or 'does not apply') becomes undecided by it.

    What failed elsewhere stays failed, and what was never run stays so: absence is never a pass, nor a failure.
    """
    if not missing or finding.verdict is Verdict.NONE:
        return finding
    shown = msgspec.structs.replace(finding, details=(*finding.details, *missing))
    if finding.verdict not in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
        return shown
    why = ", ".join(f"{one.subject}: {one.arguments['why']}" for one in missing)
    pointers = tuple(dict.fromkeys(pointer for one in missing for pointer in one.because))
    return msgspec.structs.replace(
        shown, verdict=Verdict.INCONCLUSIVE, reason=EXCLUDED, arguments={"why": why}, because=pointers
    )


__all__ = ["EXCLUDED", "EXCLUDED_TEXT", "bounded", "left_out"]
