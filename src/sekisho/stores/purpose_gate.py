"""The gate before every dataset that has no labels of its own: a question states its purpose, or gets nothing.

Records, detections and contacts carry a label with each piece; cases, notices, assignments and the audit log are kept
under the rule of their stage, and their label follows from when they were last touched. A refusal is on the disk
before it is raised (``refusals.jsonl`` in the data folder).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from sekisho.errors import PurposeError, StoreError
from sekisho.language import Text
from sekisho.model.purpose import Label, Purpose, Stage
from sekisho.stores.ledger import add

#: Every dataset of an installation and the stage whose rule it is kept under.
DATASETS: Mapping[str, Stage] = MappingProxyType(
    {
        "records": Stage.RAW_FLOW,
        "detections": Stage.CANDIDATE,
        "cases": Stage.CASE,
        "notices": Stage.CASE,
        "contacts": Stage.CONTACT,
        "assignments": Stage.ASSIGNMENT,
        "audit": Stage.AUDIT,
    }
)


class PurposeGate:
    """Lets questions through by purpose.

    ``labels`` gives the label of data of a stage that were last touched at a moment; ``now`` gives milliseconds.
    """

    def __init__(self, labels: Callable[[Stage, int], Label], refusals: Path, now: Callable[[], int]) -> None:
        self._labels = labels
        self._refusals = refusals
        self._now = now

    def label(self, dataset: str, at: int) -> Label:
        """Return the label of what was last touched ``at`` (milliseconds) in a dataset.

        :raises CatalogueError: the rule of its stage doesn't have the installation's legal ground
        """
        return self._labels(DATASETS[dataset], at)

    def check(self, dataset: str, purpose: Purpose, who: str = "") -> None:
        """Let a question pass.

        :raises PurposeError: the dataset may not be used for that purpose; the refusal is logged
        :raises StoreError: the refusal can't be logged; nothing passes then, either
        """
        now = self._now()
        label = self.label(dataset, now)
        if not label.allows(purpose, now):
            refuse(self._refusals, dataset, purpose, "purpose", now, label, who)


def refuse(
    refusals: Path, dataset: str, purpose: Purpose, why: str, now: int, label: Label | None, who: str = ""
) -> NoReturn:
    """Log a refusal and raise it. ``why``: ``purpose``, ``expired`` or ``label-unreadable``."""
    row = {"at": now, "dataset": dataset, "purpose": purpose, "reason": why, "who": who}
    try:
        refusals.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        add(refusals, row)
    except OSError as error:
        raise StoreError(
            Text(ja="拒否を記録できない", en="the refusal can't be logged"), f"{refusals}: {error.strerror}"
        ) from error
    raise PurposeError(
        Text(
            ja="この目的には使えないデータである（拒否は記録した）",
            en="the data may not be used for this purpose; the refusal is logged",
        ),
        f"{dataset}: {purpose} ({why}; {', '.join(label.purposes) if label else '-'})",
    )
