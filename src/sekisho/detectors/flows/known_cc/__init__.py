"""Known C&C: a watched line talks with an address that a list names as command and control.

Question: which lines exchange traffic with known command-and-control servers?
How: rows whose remote end is on the list (address or prefix, port, protocol, valid at that time) are put together into
  conversations. TCP counts as established when both directions are there with acknowledged data or at least three
  packets, UDP when it was answered. Who opened it is told by a bare SYN, the listed port, the first packet, else the
  well-known port. A remote that scans the line, or answers what the line never sent, is no hit. Destinations used by
  a large share of all lines are left out. "Confirmed" needs an established conversation with the very address and port
  that the list names, with enough confidence.
Evidence: the flow rows of the strongest conversations (20 shown); all are counted.
Limits: a list can be wrong or old; an address may be shared; a line may belong to a researcher. In a sample most short
  contacts are unseen and an answer not seen may have been there: such finds are "watch". Without TCP flags only three
  packets both ways count. Conversations are cut at the window's edges.
Source: 第三次とりまとめ (2018-09) and 第四次とりまとめ (2021-11); reach limit of 0.25 % from own experiments.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sekisho.detectors.flows.known_cc.asking import Asking
from sekisho.detectors.flows.known_cc.judging import Judged, judge
from sekisho.detectors.flows.known_cc.matches import Matches
from sekisho.detectors.flows.known_cc.wording import PARAMETERS, REASONS
from sekisho.formats.flow_queries import COVERAGE, COVERAGE_MERGE, coverage_of, number
from sekisho.formats.watchlist import Watchlist
from sekisho.language import Text
from sekisho.model.detection import Coverage, Window
from sekisho.model.indicator import Indicator
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Finds, Options, Query, Tables

__all__ = ["DETECTOR", "Judged", "KnownCc", "Matches"]


class KnownCc:
    """Lines that talk with known C&C. Made without a list it can't judge; `bound` gives it one."""

    name = "known_cc"
    version = "1"
    title = Text(ja="既知のC&Cとの通信", en="contact with known C&C")
    purpose = Purpose.CC_DETECTION
    reasons = REASONS
    parameters = PARAMETERS

    def __init__(self, indicators: Iterable[Indicator] = ()) -> None:
        self.indicators = tuple(indicators)
        self._compiled: tuple[Watchlist, Asking] | None = None

    def bound(self, indicators: Iterable[Indicator], *, any_time: bool = False) -> KnownCc:
        """Return the method with a list; with ``any_time`` its entries hold whatever they say of their validity.

        The latter is for looking back: a server that becomes known today was one yesterday.
        """
        taken = tuple(indicators)
        if any_time:
            taken = tuple(msgspec.structs.replace(one, valid_from=0, valid_until=0) for one in taken)
        return KnownCc(taken)

    def detect(self, tables: Tables, window: Window, parameters: Options) -> Finds:
        """Look back at ``window``."""
        asked = {"begin": window.begin, "end": window.end}
        row = tables.ask(Query("coverage", COVERAGE, COVERAGE_MERGE, asked)).to_pylist()[0]
        covered = coverage_of(row)
        # TCP flags are welcome here, not needed.
        seen = bool(covered.rows and row["sent"])
        covered = msgspec.structs.replace(covered, blind=False, note="") if seen else covered
        if seen and (covered.sampling > 1 or row["unstated"]):
            covered = msgspec.structs.replace(covered, note="unstated" if row["unstated"] else "sampled")
        matches = Matches(int(number(parameters, "rows_most")))
        if covered.rows and self._usable(window) == "":
            watchlist, asking = self._compile()
            for batch in asking.rows(tables, window):
                matches.keep(watchlist, batch, *watchlist.match(batch))
        return self.judge(matches, window, parameters, covered).finds

    def judge(
        self, matches: Matches, window: Window, parameters: Options, coverage: Coverage | None = None
    ) -> Judged:
        """Judge what was collected while the flows streamed by (`Matches.feed`).

        ``coverage`` is what was looked at when ``matches`` did not see all of it itself.
        """
        covered = coverage or matches.coverage()
        if fault := self._usable(window):
            return Judged(Finds((), msgspec.structs.replace(covered, note=fault, blind=True)))
        if not covered.rows:
            return Judged(Finds((), msgspec.structs.replace(covered, note="no-flows", blind=True)))
        return judge(matches, window, covered, parameters)

    def _usable(self, window: Window) -> str:
        """Return why the list says nothing about the window, or an empty text."""
        if not self.indicators:
            return "list-empty"
        held = any(
            one.valid_from < window.end and (not one.valid_until or window.begin < one.valid_until)
            for one in self.indicators
        )
        return "" if held else "list-expired"

    def _compile(self) -> tuple[Watchlist, Asking]:
        if self._compiled is None:
            self._compiled = Watchlist(self.indicators), Asking(self.indicators)
        return self._compiled


DETECTOR = KnownCc()
