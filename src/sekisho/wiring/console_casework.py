"""Casework as the console sees it: cases, notices and healing, each behind the purpose of notices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.case import Case
from sekisho.model.case_life import Actor, Change, Life
from sekisho.model.notice import Notice, NoticeState
from sekisho.model.purpose import Purpose
from sekisho.ports.cases import CaseFilter, Page
from sekisho.wiring.console_folder import ConsoleFolder
from sekisho.wiring.refreshing import Refreshing

if TYPE_CHECKING:
    from sekisho.reports.healing import Healing
    from sekisho.stores.database import SqlCases, SqlNotices
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows.cases import Folded

_EVERY = CaseFilter()


class CaseDesk:
    """Cases and notices. ``who`` is the account that asks: a refused purpose is logged with it."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder
        self._healing: dict[tuple[str, bool], tuple[str, Healing]] = {}
        self._measuring: dict[tuple[str, bool], Refreshing] = {}

    def cases(self, wanted: CaseFilter = _EVERY, *, after: str = "", limit: int = 50, who: str = "") -> Page:
        """Return a page of cases, newest change first. :raises DescriptionError: ``after`` is no key of a page."""
        return self._cases(who).find(wanted, after=after, limit=limit)

    def counts(self, *, who: str = "") -> Mapping[str, int]:
        """Return the number of cases by state, every state named."""
        return self._cases(who).counts()

    def life(self, identifier: str, *, who: str = "") -> Life | None:
        """Return a case with its events; None when there is none of that id."""
        store = self._cases(who)
        case = store.case(identifier)
        return Life(case, store.events(identifier)) if case else None

    def actor(self, name: str, role: str) -> Actor:
        """Return who acts on cases; see `model.case_life` for what each role may."""
        return Actor(name, role)

    def save(self, *changes: Change) -> tuple[Case, ...]:
        """Store changes together. :raises ConflictError: somebody was faster; nothing is stored."""
        return self._cases("").save_all([(one.case, one.events) for one in changes])

    def fold(self) -> Folded:
        """Fold the detections found since the last time into cases."""
        self._folder.ready()
        from sekisho.wiring.casebook import Casebook

        with Casebook(self._folder.folder) as book:
            return book.fold()

    def notices(
        self, states: Sequence[NoticeState] = (), *, case: str = "", after: str = "", limit: int = 100, who: str = ""
    ) -> tuple[Notice, ...]:  # fmt: skip
        """Return notices in the order of their ids, those behind ``after``; no state asks for all."""
        return self._notices(who).find(states, case=case, after=after, limit=limit)

    def notice(self, identifier: str, *, who: str = "") -> Notice | None:
        """Return one notice by id or by its message's id."""
        return self._notices(who).notice(identifier)

    def notice_counts(self, *, who: str = "") -> Mapping[str, int]:
        """Return the number of notices by state, every state named."""
        return self._notices(who).counts()

    @contextmanager
    def noticing(self) -> Iterator[Noticing]:
        """Open what drafts, approves and sends notices. :raises DescriptionError: its settings are wrong."""
        self._folder.ready()
        from sekisho.wiring.noticing import Noticing

        with Noticing(self._folder.folder) as open_:
            yield open_

    def healing(self, by: str = "family", *, notified: bool = False, who: str = "") -> Healing:
        """Return how long infections last, by ``all``, ``family``, ``device_model`` or ``channel``.

        Measured again when a case has changed, beside the asking: until that is done, the answer is the one before, and
        ``at`` says of when it is. ``notified``: time runs from the first notice.

        :raises DescriptionError: can't be grouped by that
        """
        self._folder.ready()
        from sekisho.model.survival import GROUPINGS

        self._cases(who)
        if by not in GROUPINGS and by != "all":
            raise DescriptionError(Text(ja="その分け方はない", en="can't be grouped by that"), by)
        key = (by, notified)
        fresh = self._folder.once(f"healing {key}", lambda: Refreshing(lambda: self._measure(*key)))
        self._measuring[key] = fresh
        fresh()
        if key not in self._healing:
            fresh.now()
        return self._healing[key][1]

    def close(self) -> None:
        """End what is being measured."""
        for fresh in tuple(self._measuring.values()):
            fresh.close()

    def _measure(self, by: str, notified: bool) -> int:
        self._folder.ready()
        from sekisho.stores.database.case_courses import cases_changed

        word = cases_changed(self._folder.database)
        held = self._healing.get((by, notified))
        if held and held[0] == word:
            return 0
        self._healing[by, notified] = (word, self._measured(by, notified=notified))
        return 1

    def _measured(self, by: str, *, notified: bool) -> Healing:
        self._folder.ready()
        from sekisho.catalogues.casework import casework
        from sekisho.model.survival import GROUPINGS, curves, log_rank
        from sekisho.reports.healing import Healing
        from sekisho.stores.database.case_courses import case_courses

        cases = case_courses(self._folder.database)
        group = GROUPINGS.get(by)
        every, courses = curves(((group(case) if group else by, case) for case in cases), notified=notified)
        small = casework(self._folder.settings.casework).small_events
        compared = log_rank(every, small) if len(every) > 1 else None
        left_out = len(cases) - sum(one.cases for one in every)
        return Healing(by, notified, self._folder.now(), every, courses, compared, left_out)

    def _cases(self, who: str) -> SqlCases:
        return self._folder.holdings.cases(self._folder.database, Purpose.NOTICE, who)

    def _notices(self, who: str) -> SqlNotices:
        return self._folder.holdings.notices(self._folder.database, Purpose.NOTICE, who)
