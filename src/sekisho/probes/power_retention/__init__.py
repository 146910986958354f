"""What a loss of power leaves behind.

Question: After a power cut, are settings, codes, software and closed ports as they were before?
How: For each declared delay: write a fresh value to each setting and read it back (control), wait, cut the
    power, see that the terminal is really silent, restore, wait for every service that answered
    before, and read everything again. When updates are allowed, the newer image is installed first, so that
    updated software is what is cut, and the power is also cut in the middle of updates (three
    instants after the start of the upload).
    At the end the settings' first values are written back and read back.
Evidence: Steps ``before/…``, ``cut <delay> s/write|power|boot|read|code|software|ports``, ``update cut …``.
    ``power.kept`` names what was lost and after which delay; ``measured`` is the delay by the clock.
Limits: A cut shows one instant: a delay that was not tried may lose what these kept. A simulated cut
    (a hypervisor killed) loses what the terminal had in memory and keeps what the host had taken over, as a
    disk without a lying cache does. Services over UDP are not waited for.
Source: 第34条の10 第4号; ETSI EN 303 645 5.9-1, 5.9-2 (TS 103 701 5.9-2-2: same or better state after).
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal
from sekisho.ports import Wire
from sekisho.probes.power_retention.cuts import Cuts
from sekisho.probes.power_retention.facts import FACTS, derive


class PowerRetention:
    """Cuts the power and compares."""

    name = "power_retention"
    version = "1"
    risk = Risk.POWER
    title = Text(ja="電源断後の維持", en="Retention after loss of power")
    facts = FACTS

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say which settings are written and how often the power is cut."""
        power = terminal.power
        if power is None:
            return ()
        delays = "、".join(f"{delay:g}" for delay in power.delays)
        names = ", ".join(setting.name for setting in terminal.settings) or "–"
        lines = [
            Text(
                ja=f"設定（{names}）を書き、{delays} 秒後にそれぞれ電源を切り、入れ直して読み比べる。終わりに元の値へ戻す",
                en=f"Write settings ({names}), cut the power {delays.replace('、', ', ')} s later, restore it and "
                "compare; finally write the first values back",
            )
        ]
        if terminal.update is not None and terminal.update.images.newer:
            lines.append(
                Text(
                    ja="更新が許可されていれば、先に新しいイメージを入れ、更新の途中でも電源を切る",
                    en="If updates are allowed, install the newer image first and also cut during an update",
                )
            )
        return tuple(lines)

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Cut, restore, compare, put back."""
        if terminal.power is None:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))
        if wire.power is None:
            return wire.seal(Attempt(AttemptStatus.FAILED, "no-power"))
        return wire.seal(await Cuts(terminal, terminal.power, wire.power, wire).run())

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive what was kept."""
        return derive(evidence)


PROBE = PowerRetention()
