"""The verb register: the registry of assessments is made like the folders; only new and changed ones are read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sekisho.model.registry import State
from sekisho.ports.registry import AssessmentFiling
from sekisho.stores.assessment_reading import folders, register, running

_AT_ONCE = 50


class Filed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done: folders read, folders gone."""

    read: int = 0
    gone: int = 0


def register_assessments(root: Path, filing: AssessmentFiling) -> Filed:
    """Read the folders below ``root`` whose chain is new or has changed, or whose run has begun or ended since."""
    known = filing.known()
    found = dict(folders(root))
    changed = []
    for name, mark in found.items():
        held = known.get(name)
        if held is None or held.mark != mark or _moved(root / name, held.state):
            changed.append((name, mark))
    for first in range(0, len(changed), _AT_ONCE):
        filing.put([register(root / name, mark) for name, mark in changed[first : first + _AT_ONCE]])
    gone = known.keys() - found.keys()
    if gone:
        filing.drop(gone)
    return Filed(len(changed), len(gone))


def _moved(folder: Path, state: State) -> bool:
    """Say whether a run that was going on has ended without a word, or one goes on again."""
    return state in {State.RUNNING, State.STOPPED} and (state is State.RUNNING) != running(folder)
