"""What is held of one line: dataset by dataset, how much, why, on which ground, until when. Counts, never contents."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sekisho.language import Text
from sekisho.model.purpose import LegalBasis, Purpose, Receipt, Stage


class Counted(StrEnum):
    """Whether the rows of a line could be counted. What can't be counted is said, never shown as none."""

    YES = "yes"
    BY_ACCOUNT = "by-account"
    REFUSED = "refused"

    @property
    def label(self) -> Text:
        """The words shown to people."""
        return _COUNTED[self]


_COUNTED = {
    Counted.YES: Text(ja="", en=""),
    Counted.BY_ACCOUNT: Text(
        ja="契約者ごとに保存。仮名からは再特定なしにたどれない",
        en="kept by account: not to be reached from a pseudonym without re-identification",
    ),
    Counted.REFUSED: Text(
        ja="数えられない（期限切れ又は読めないラベルがある。sekisho expire）",
        en="can't be counted: a label has run out or can't be read (sekisho expire)",
    ),
}


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One dataset.

    :ivar rows: rows of this line; None when they can't be counted (see ``counted``)
    :ivar begin: earliest moment that they tell of, milliseconds; ``end`` the latest; both 0 when there is none
    :ivar basis: grounds on which rows of this dataset are held now
    :ivar expires: when the first of it is deleted, milliseconds; ``last`` when the last is; 0 when nothing is held
    :ivar damaged: files that can't be read any more: rows in them are not counted
    """

    dataset: str
    stage: Stage
    title: Text
    rows: int | None
    counted: Counted = Counted.YES
    begin: int = 0
    end: int = 0
    purposes: tuple[Purpose, ...] = ()
    basis: tuple[LegalBasis, ...] = ()
    expires: int = 0
    last: int = 0
    damaged: int = 0


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything held of one line, and what was deleted (receipts are of whole datasets: rows are gone, names too).

    :ivar entry: number of the audit entry of this look; 0 when the installation has no database yet
    """

    line: str
    subscriber: int
    at: int
    holdings: tuple[Holding, ...]
    receipts: tuple[Receipt, ...] = ()
    entry: int = 0
