"""How duties stand, in marks and words: for their own page and for the first page."""

from __future__ import annotations

from sekisho.language import Text

#: State → class of the mark, its sign, its word.
MARKS = {
    "late": ("fail", "!", Text(ja="遅れ", en="late")),
    "due": ("told", "→", Text(ja="これから", en="due")),
    "open": ("inconclusive", "?", Text(ja="決まらない", en="undecided")),
    "done": ("pass", "○", Text(ja="済み", en="done")),
}
MEANINGS = {
    "late": Text(ja="期日を過ぎ、済みの記録がない", en="past its day, no proof that it is done"),
    "due": Text(ja="期日はまだ先", en="the day is still to come"),
    "open": Text(ja="当たるか、期日がいつかが分からない", en="whether it applies, or its day, is not known"),
    "done": Text(ja="証拠を記録した", en="proof is on record"),
}
