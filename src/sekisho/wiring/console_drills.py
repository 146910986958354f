"""Drills in the console: a scenario plays in real or fast time, the team acts, and its times are measured.

Nothing runs meanwhile: what has happened by now is worked out whenever somebody looks.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from sekisho.catalogues.accidents import telling_rules
from sekisho.catalogues.drills import scenarios
from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.drill import TEAM_ACTS, Drill, Measure, measure, played
from sekisho.model.timeline import About, Fact, What
from sekisho.wiring.console_papers import Papers, Written

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.ruling import Ruling

KIND = "drill"
FASTEST = 600.0
_MOST_FACTS, _MOST_ACTS, _LONGEST = 200, 500, 300
_NO_SCENARIO = Text(ja="その筋書きはない", en="there is no such scenario")
_SPEED = Text(ja="速さは1倍から600倍まで", en="the speed is between 1 and 600")
_OVER = Text(ja="その訓練は終わっている", en="that drill is over")
_NO_ACT = Text(
    ja="訓練ですることは、認知・周知・報告", en="in a drill a team knows, tells users, and reports"
)


class DrillDesk:
    """The drills on record; every version of each stays."""

    def __init__(self, papers: Papers) -> None:
        self._papers = papers

    @property
    def wall(self) -> datetime:
        """The time on the wall."""
        return datetime.fromtimestamp(self._papers.now / 1000, UTC)

    def drills(self) -> tuple[Drill, ...]:
        """Return every drill, newest first."""
        found = (one for one, _ in self._papers.every(KIND, Drill))
        return tuple(sorted(found, key=lambda one: one.start, reverse=True))

    def drill(self, identifier: str) -> tuple[Drill, int] | None:
        """Return one with its version; None when there is none."""
        found = self._papers.one(KIND, identifier, Drill)
        return (found[0], found[1].version) if found else None

    def start(self, scenario: str, text: str, speed: float, target: int | None, actor: Actor) -> Drill:
        """Start a drill by a scenario that is shipped, or by the text of one (CSV or TOML as a file of facts).

        :raises DescriptionError: no such scenario, its facts contradict themselves, the speed is out of bounds
        """
        if not 1 <= speed <= FASTEST:
            raise DescriptionError(_SPEED, f"{speed:g}")
        about, every = self._scenario(scenario, text)
        facts = [one for one in every if one.what not in TEAM_ACTS]
        if not facts or len(facts) > _MOST_FACTS:
            raise DescriptionError(_NO_SCENARIO, f"{len(facts)}")
        start = self.wall
        told = played(facts, start)
        about = msgspec.structs.replace(about, target_minutes=target or about.target_minutes)
        drill = Drill(f"D{secrets.token_hex(6)}", about, start, speed, told)
        self._judged(
            drill, max(one.time for one in told)
        )  # a scenario that can't be judged is refused before it plays
        details = {"speed": speed, "facts": len(told)}
        self._papers.write(KIND, [Written(drill.id, 0, drill)], actor, "start-drill", drill.id, details)
        return drill

    def act(self, identifier: str, what: What, note: str, actor: Actor) -> Drill:
        """Record what the team did now.

        :raises DescriptionError: no such drill or act
        :raises ConflictError: it is over, or somebody was faster
        """
        drill, version = self._known(identifier)
        if what not in TEAM_ACTS:
            raise DescriptionError(_NO_ACT, what.value)
        if len(drill.team) >= _MOST_ACTS:
            raise ConflictError(_OVER, identifier)
        fact = Fact(self.wall, what, f"{actor.name}", source=actor.name, note=note.strip()[:_LONGEST])
        changed = msgspec.structs.replace(drill, team=(*drill.team, fact))
        written = [Written(identifier, version, changed)]
        self._papers.write(KIND, written, actor, "act-in-drill", identifier, {"what": what.value})
        return changed

    def stop(self, identifier: str, actor: Actor) -> Drill:
        """End a drill; its measures stay as they are then. :raises ConflictError: it is over."""
        drill, version = self._known(identifier)
        changed = msgspec.structs.replace(drill, stopped=self.wall)
        self.keep(changed, version, actor)
        return changed

    def keep(self, drill: Drill, seen: int, actor: Actor) -> None:
        """Keep a drill as it ended; ``seen`` is the version before. :raises ConflictError: somebody was faster."""
        self._papers.write(KIND, [Written(drill.id, seen, drill)], actor, "stop-drill", drill.id)

    def judged(self, drill: Drill) -> Ruling | None:
        """Return the verdict on what has happened by now; None while nothing has."""
        return self._judged(drill, drill.clock(self.wall)) if drill.happened(self.wall) else None

    def measures(self, drill: Drill) -> tuple[Measure, ...]:
        """Return the team's times so far."""
        rules = telling_rules()[-1]
        wall = min(self.wall, drill.stopped or self.wall)
        target = drill.about.target_minutes
        return measure(drill.facts, drill.team, drill.start, drill.speed, rules, target, wall)

    def _judged(self, drill: Drill, at: datetime) -> Ruling:
        from sekisho.workflows.judge_accident import rule

        wall = drill.start + (at - drill.start) / drill.speed
        return rule(drill.about, drill.happened(wall), at)

    def _known(self, identifier: str) -> tuple[Drill, int]:
        found = self.drill(identifier)
        if found is None:
            raise DescriptionError(Text(ja="その訓練はない", en="there is no such drill"), identifier[:40])
        if found[0].stopped:
            raise ConflictError(_OVER, identifier)
        return found

    def _scenario(self, name: str, text: str) -> tuple[About, tuple[Fact, ...]]:
        if text.strip():
            from sekisho.wiring.console_accidents import told_in
            from sekisho.wiring.moment import zone

            told = told_in(text, zone())
            return told.about, told.facts
        found = next((one for one in scenarios() if one.id == name), None)
        if found is None:
            raise DescriptionError(_NO_SCENARIO, name[:40])
        return About(title=found.title.ja, target_minutes=found.target_minutes), found.told(self.wall)
