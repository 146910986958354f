"""Self-checks in the console: lists by fiscal year, answers with evidence, what the software itself can show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from sekisho.catalogues.self_check import check_lists
from sekisho.errors import DescriptionError
from sekisho.formats.self_check_table import read_answers, read_items, table_in
from sekisho.language import Text
from sekisho.model.accident import JAPAN, japan_day
from sekisho.model.drill import Drill
from sekisho.model.learning import Countermeasure
from sekisho.model.self_check import NETWORKS, Answer, CheckList, Item, extended
from sekisho.wiring.console_papers import Papers, Written

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.paper import Paper
    from sekisho.wiring.console_accidents import AccidentDesk
    from sekisho.wiring.console_keeping import KeepingDesk

_PREFIX, ITEMS, _ALL = "check-", "check items", "items"
_FIRST, _LAST = 2000, 2099
_APRIL = 4
_MOST_TIMES = 1_000
_NO_ITEM = Text(ja="その項目はない", en="there is no such item")
_TOO_EARLY = Text(
    ja="先の年度には、来年度までしか書けない", en="only the next fiscal year can be answered ahead"
)
_NO_YEAR = Text(ja="年度は2000から2099まで", en="a fiscal year between 2000 and 2099")
_LATER = Text(
    ja="まだ来ていない日に確かめることはできない", en="it can't have been checked on a day still to come"
)


class Imported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The items that the operator imported; ``network``: its class, a key of `NETWORKS`."""

    items: tuple[Item, ...] = ()
    network: str = ""


class Proof(msgspec.Struct, frozen=True):
    """What the software itself can show for an item: in words, where it stands, and how many there are."""

    list: str
    item: str
    said: Text
    href: str
    count: int


class CheckDesk:
    """The self-checks on record; every version of every answer stays."""

    def __init__(self, papers: Papers, keeping: KeepingDesk, accidents: AccidentDesk) -> None:
        self._papers = papers
        self._keeping = keeping
        self._accidents = accidents

    @property
    def this_year(self) -> int:
        """The fiscal year of today (from April)."""
        today = self._today
        return today.year if today.month >= _APRIL else today.year - 1

    @property
    def _today(self) -> date:
        return japan_day(datetime.fromtimestamp(self._papers.now / 1000, UTC))

    def years(self) -> tuple[int, ...]:
        """Return the years that hold answers, newest first."""
        kinds = self._papers.store.kinds(_PREFIX)
        return tuple(sorted((int(one.removeprefix(_PREFIX)) for one in kinds), reverse=True))

    def imported(self) -> tuple[Imported, int]:
        """Return the imported items and their version."""
        found = self._papers.one(ITEMS, _ALL, Imported)
        return (found[0], found[1].version) if found else (Imported(), 0)

    def lists(self, imported: Imported) -> tuple[CheckList, ...]:
        """Return every list with the items that were imported for it."""
        return tuple(extended(one, imported.items) for one in check_lists())

    def answers(self, year: int) -> dict[tuple[str, str], tuple[Answer, Paper]]:
        """Return the answers of a year by list and item."""
        every = self._papers.every(f"{_PREFIX}{_year(year)}", Answer)
        return {(one.list, one.item): (one, paper) for one, paper in every}

    def answer(self, year: int, answer: Answer, seen: int, actor: Actor) -> None:
        """Keep an answer.

        :raises DescriptionError: no such list or item, a day still to come
        :raises ConflictError: somebody was faster
        """
        self._begun(year)
        known = {one.id: one for one in self.lists(self.imported()[0])}
        asked = (answer.list, answer.item)
        if answer.list not in known or (
            answer.item not in known[answer.list].items and asked not in self.answers(year)
        ):
            raise DescriptionError(_NO_ITEM, f"{answer.list}: {answer.item}"[:100])
        if answer.on and answer.on > self._today:
            raise DescriptionError(_LATER, answer.on.isoformat())
        name = _name(answer)
        self._papers.write(
            f"{_PREFIX}{_year(year)}", [Written(name, seen, answer)], actor, "answer-check", str(year),
            {"item": name[:200], "status": answer.status.value},
        )  # fmt: skip

    def _begun(self, year: int) -> None:
        if year > self.this_year + 1:  # the next one may be prepared
            raise DescriptionError(_TOO_EARLY, str(year)[:20])

    def take_answers(self, year: int, data: bytes, actor: Actor) -> int:
        """Keep the answers of a file (CSV or Excel) that differ; return how many.

        :raises SekishoError: a row that can't be read: then nothing is kept
        """
        self._begun(year)
        kind = f"{_PREFIX}{_year(year)}"
        held = {one.name: one for one in self._papers.newest(kind)}
        written = []
        for one in read_answers(table_in(data), [known.id for known in check_lists()]):
            if one.on and one.on > self._today:
                raise DescriptionError(_LATER, f"{one.item[:60]}: {one.on}")
            before = held.get(_name(one))
            if before and before.body and msgspec.json.decode(before.body, type=Answer) == one:
                continue
            written.append(Written(_name(one), before.version if before else 0, one))
        if written:
            self._papers.write(kind, written, actor, "import-check", str(year), {"answers": len(written)})
        return len(written)

    def take_items(self, data: bytes, network: str, actor: Actor) -> int:
        """Keep the items of a file (CSV or Excel) in place of those before; an empty file only sets the class of network.

        :raises SekishoError: a row that can't be read
        """
        before, seen = self.imported()
        if network and network not in NETWORKS:
            raise DescriptionError(Text(ja="その区分はない", en="there is no such class"), network[:40])
        items = (
            read_items(table_in(data), [one.id for one in check_lists()]) if data.strip() else before.items
        )
        written = [Written(_ALL, seen, Imported(items, network))]
        self._papers.write(ITEMS, written, actor, "import-items", "self-check", {"items": len(items)})
        return len(items)

    def proofs(self, year: int) -> tuple[Proof, ...]:
        """Return what the software itself has on record for items of that fiscal year; a count of 0 proves nothing."""
        first = _year(year)
        begin, end = (
            int(datetime(one, _APRIL, 1, tzinfo=JAPAN).timestamp() * 1000) for one in (first, first + 1)
        )
        return tuple(self._proofs(begin, end))

    def _proofs(self, begin: int, end: int) -> Iterator[Proof]:
        from sekisho.stores.database.audit_pages import AuditFilter

        def within(moment: int) -> bool:
            return begin <= moment < end

        drills = sum(
            within(int(one.stopped.timestamp() * 1000))
            for one, _ in self._papers.every("drill", Drill)
            if one.stopped
        )
        drilled = Text(ja="終えた訓練", en="drills done")
        yield Proof("management", "3 方法:教育訓練", drilled, "/duties/drills", drills)
        yield Proof("management", "3 方法:非常時の報告・周知", drilled, "/duties/drills", drills)
        signed = self._accidents.signed_between(begin, end)
        yield Proof(
            "management", "3 方法:非常時の報告・周知", Text(ja="署名した事故の書類", en="documents of accidents signed off"),
            "/accidents", signed,
        )  # fmt: skip
        done = sum(
            bool(one.done_on and within(int(datetime.combine(one.done_on, datetime.min.time(), JAPAN).timestamp() * 1000)))
            for one, _ in self._papers.every("measure", Countermeasure)
        )  # fmt: skip
        measures = Text(ja="済みの再発防止策", en="measures done after accidents")
        yield Proof("management", "3 方法:再発防止", measures, "/duties/learning", done)
        told = Text(ja="利用者へのお知らせを送った回", en="times that notices went out to subscribers")
        acted = AuditFilter(act="send-notices", since=begin, until=end)
        times = len(self._keeping.audit(acted, limit=_MOST_TIMES))
        yield Proof("management", "3 方法:情報セキュリティ", told, "/notices?state=all", times)


def _name(answer: Answer) -> str:
    return f"{answer.list}:{answer.item}"


def _year(year: int) -> int:
    if not _FIRST <= year <= _LAST:
        raise DescriptionError(_NO_YEAR, str(year)[:20])
    return year
