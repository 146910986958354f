"""``./run new probe x`` or ``./run new criterion x``: all files of a new unit, ready to be filled in.

What it writes is honest from the first minute: the probe is skipped, the criterion says INCONCLUSIVE, and the
golden cases are left to be recorded; the house tests fail until they are there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROBE = '''"""{title}.

Question: what is asked of the terminal, in one sentence.
How: what is sent, in which order, with which control and liveness check.
Evidence: what each step's record holds.
Limits: what this can't tell.
Source: clause, RFC or paper.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal
from sekisho.ports import Wire


class {cls}:
    """Say here what the probe is for."""

    name = "{name}"
    version = "1"
    risk = Risk.READ
    title = Text(ja="{name}", en="{name}")
    facts = {{"{name}.seen": Text(ja="見えたか", en="whether it was seen")}}

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Nothing yet."""
        del terminal
        return ()

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Ask, inside ``wire.step``; until then say that nothing was declared."""
        del terminal
        return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts."""
        for record in evidence.records:
            yield Observation("{name}.seen", record.step, record.failure is None, because=(evidence.point(record),))


PROBE = {cls}()
'''

CRITERION = '''"""{title}.

Question: which duty this judges.
How: which facts and parameters lead to which verdict.
Evidence: the facts that its findings point at.
Limits: what this can't tell.
Source: clause, RFC or paper.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.observation import Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding, Verdict
from sekisho.ports import Parameters


class {cls}:
    """Say here what is judged."""

    name = "{name}"
    title = Text(ja="{name}", en="{name}")
    needs: tuple[str, ...] = ()
    reasons = {{"not-measured": Text(ja="測定していない", en="not measured")}}

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Undecided, until facts say more."""
        del observations, terminal, parameters
        return Finding(self.name, Verdict.INCONCLUSIVE, "not-measured")


CRITERION = {cls}()
'''

TEST = '''"""{name}: what it says of a good, a bad and a silent terminal."""

from __future__ import annotations

from sekisho.{room}.{name} import {constant}


def test_its_name_is_its_module() -> None:
    assert {constant}.name == "{name}"
'''


def main() -> None:
    """Write the files; refuse to touch one that exists."""
    if (
        len(sys.argv) != 3
        or sys.argv[1] not in {"probe", "criterion"}
        or not re.fullmatch(r"[a-z][a-z0-9_]*", sys.argv[2])
    ):
        sys.exit("usage: ./run new probe|criterion lower_case_name")
    kind, name = sys.argv[1:]
    room, template = ("probes", PROBE) if kind == "probe" else ("criteria", CRITERION)
    words = {
        "name": name,
        "cls": "".join(part.title() for part in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
    }
    source = ROOT / "src/sekisho" / room / f"{name}.py"
    test = ROOT / "tests/unit" / room / f"test_{name}.py"
    if source.exists() or test.exists():
        sys.exit(f"{name} exists already")
    source.write_text(template.format(**words), encoding="utf-8")
    test.write_text(TEST.format(**words, room=room, constant=kind.upper()), encoding="utf-8")
    made = [source, test]
    if kind == "probe":
        for case in ("pass", "fail", "inconclusive"):
            folder = ROOT / "tests/golden" / name / case
            folder.mkdir(parents=True, exist_ok=True)
            made.append(folder)
    project = ROOT / "pyproject.toml"
    head = f'[project.entry-points."sekisho.{room}"]\n'
    line = f'{name} = "sekisho.{room}.{name}:{kind.upper()}"\n'
    project.write_text(project.read_text(encoding="utf-8").replace(head, head + line), encoding="utf-8")
    print("\n".join(str(path.relative_to(ROOT)) for path in [*made, project]))
    print("next: fill it in, then ./run lint, ./run test, ./run docs")


if __name__ == "__main__":
    main()
