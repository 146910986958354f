"""Marries the watch: one data folder with its settings, key, record store, lists and methods."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from sekisho import plugins
from sekisho.catalogues import handling
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.known_cc import KnownCc
from sekisho.errors import DescriptionError, NothingThere, SekishoError, StoreError
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.language import Language, Text
from sekisho.model.detection import CLOCK_SKEW, Detection, Window
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.watching import Watching
from sekisho.ports.flows import Detector, Options, Reader
from sekisho.stores.detection_log import DetectionLog
from sekisho.stores.keys import key_at
from sekisho.stores.ledger import RECEIPTS, add, lines
from sekisho.stores.look_log import LookLog
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.stores.records_duckdb.expiry import AGAIN
from sekisho.stores.records_duckdb.layout import READ_ONLY
from sekisho.wiring.data_folder import DATASET, bounds
from sekisho.wiring.lists import ListsRead, indicators_of, list_ages
from sekisho.wiring.moment import milliseconds, shown
from sekisho.wiring.retaking import begun, finish, origin, take_back, taking
from sekisho.wiring.settings import SETTINGS, hold_prefixes, prefixes_ever, settings_of
from sekisho.wiring.warn import MANY_FILES
from sekisho.workflows.detect import HOUR, Looked, detect
from sekisho.workflows.ingest import FORGOTTEN, Progress, Source, Taken, ingest, lost, trial

__all__ = ["DATASET", "ListsRead", "Unrecorded", "Watch", "milliseconds", "readers", "recorded", "taken"]

_KEY, _TAKEN, _RECORDS = "pseudonym.key", "taken.jsonl", "records"
_ITSELF = "sekisho"
_DETECTIONS, _LOOKS = "detections.jsonl", "looks.jsonl"


class Watch:
    """One data folder, open. ``assumed`` says that nobody has named the watched lines' prefixes."""

    def __init__(self, folder: Path, *, customers: Sequence[str] = (), create: bool = True) -> None:
        """Open ``folder``, or make it; ``customers`` are kept in its settings.

        :raises DescriptionError: there is no such folder, or its settings are wrong
        """
        file = folder / SETTINGS
        if not create and not file.exists():
            raise DescriptionError(
                Text(ja="監視のデータがない", en="there are no data of a watch"),
                str(folder),
                Text(
                    ja="sekisho ingest か sekisho watch で集め、同じ --data を渡す",
                    en="collect some with sekisho ingest or sekisho watch, and pass the same --data",
                ),
            )
        self.folder = folder
        self.settings = settings_of(file, customers, used=(folder / _RECORDS / DATASET).is_dir())
        self.assumed = self.settings.customers == Watching().customers
        days: dict[str, float] = dict(self.settings.keep)
        if self.settings.days is not None:
            days[Stage.RAW_FLOW] = self.settings.days
        self.rules = handling.read_handling(days)
        self.key = folder / _KEY
        self._untidy: dict[str, str] = {}
        self.log = DetectionLog(folder / _DETECTIONS)
        self.looks = LookLog(folder / _LOOKS)
        self.store = DuckRecords(folder / _RECORDS, milliseconds, bounds(self.rules, self.settings.shards))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.store.close()

    def door(self, *, fast_from: int | None = None) -> Pseudonyms:
        """Return the privacy door; its key is made with the folder and never leaves it."""
        if self.has_records() and not self.key.exists():
            raise StoreError(
                Text(ja="仮名の鍵がなくなっている", en="the key of the pseudonyms is gone"),
                str(self.key),
                Text(
                    ja="元に戻すか、新しい --data で始める（鍵が変わると同じ回線が別の仮名になる）",
                    en="put it back, or begin with a new --data (another key gives the same line another pseudonym)",
                ),
            )
        hold_prefixes(self.folder, self.settings.customers)
        return self._door(self.settings.customers, fast_from)

    def _door(self, customers: Sequence[str], fast_from: int | None = None) -> Pseudonyms:
        return Pseudonyms(
            key_at(self.key),
            [ip_network(one) for one in customers],
            prefix_preserving=self.settings.prefix_preserving,
            delegated=self.settings.delegated,
            fast_from=fast_from,
        )

    def label(self, origin: str = "") -> Label:
        """Return the label of what is taken in now."""
        demo = self.settings.basis is LegalBasis.NOT_COMMUNICATION
        purposes = (*self.settings.purposes, *((Purpose.DEMONSTRATION,) if demo else ()))
        return handling.label(
            self.rules, Stage.RAW_FLOW, purposes, self.settings.basis, milliseconds(), origin
        )

    def ingest(
        self,
        files: Sequence[Path],
        options: Options,
        progress: Progress,
        *,
        kind: str,
        language: Language,
        again: str = "",
    ) -> Iterator[Taken]:
        """Take files in; see `workflows.ingest`. What is past its time goes first.

        :param again: who wants them taken in anew: what was kept of them goes before
        :raises StoreError: what was kept of them can't be taken back
        """
        self.tidy()
        with taking(self.folder, alone=bool(again) or begun(self.folder)):
            self._end_taking_back(files)
            if again:
                them = _taken(self.folder / _TAKEN)
                take_back(
                    self.store, self.folder, them, files, again, self._note_taken,
                    lambda path: trial(path, readers(), options, kind),
                )  # fmt: skip
            source = self._source(origin(options, kind))
            yield from ingest(files, source, options, progress, kind=kind, language=language)

    def _end_taking_back(self, files: Sequence[Path]) -> None:
        """Do the rest of a taking back that was ended; say on stderr what isn't taken in anew now, with ``files``."""
        if not begun(self.folder):
            return
        gone = finish(self.store, self.folder, _taken(self.folder / _TAKEN), self._note_taken)
        if left := sorted({one.file for one in gone} - {str(path) for path in files}):
            sys.stderr.write(
                "途中で終わった取り込み直しの、消すところまでを終えた。これらはもう一度取り込む / a taking in anew was ended "
                f"half way: what was kept is deleted now; take these in again\n  → {'  '.join(left)}\n"
            )

    def _note_taken(self, done: Taken) -> None:
        add(self.folder / _TAKEN, done)

    def _source(self, came: str) -> Source:
        taken_before = _taken(self.folder / _TAKEN)
        return Source(
            readers(), self.door(), self.store, self.label(came), DATASET, taken_before, self._note_taken, self.times(),
            tuple(sorted(self.settings.customers)), prefixes_ever(self.folder), self._door,
            milliseconds() - self.rules[Stage.RAW_FLOW].milliseconds,
        )  # fmt: skip

    def tidy(self) -> dict[str, str]:
        """Delete what is past its time from every dataset, as ``sekisho expire`` does; receipts are kept.

        For those who have no watch running that would do it. A folder that may only be read is left as it is. What
        can't be deleted is refused as before when it is asked for; it is said on stderr once, and returned by dataset.
        """
        from sekisho.wiring.holdings import Holdings

        if not os.access(self.folder, os.W_OK):
            return {}
        faults: dict[str, str] = {}
        try:
            holdings = Holdings(self, milliseconds)
            done = holdings.expire(_ITSELF, dry=True)
            if self.store.overdue(milliseconds()) or done.receipts:
                done = holdings.expire(_ITSELF)
            faults = done.faults
            done.check()
            holdings.logs.compact(MANY_FILES)
        except SekishoError as error:
            faults = faults or {"": f"{error.what.en}: {error.where}"}
            if faults != self._untidy:
                sys.stderr.write(f"{error.what.ja} / {error.what.en}\n  → {error.where}\n")
        self._untidy = faults
        return faults

    def times(self) -> Window | None:
        """Return the times of flows that may be taken in now; None when time doesn't count (nobody's communication).

        What began earlier would be deleted by the next expiry; what begins later than now is a wrong clock's or zone's.
        """
        if self.settings.basis is LegalBasis.NOT_COMMUNICATION:
            return None
        at = milliseconds()
        return Window((at - self.rules[Stage.RAW_FLOW].most_milliseconds) // HOUR * HOUR, at + CLOCK_SKEW)

    def has_records(self) -> bool:
        """Say whether any flow was ever kept here."""
        return (self.folder / _RECORDS / DATASET).is_dir()

    def window(self, begin: int | None, end: int | None) -> Window:
        """Return the window asked for; what is left open is the oldest and the newest record.

        :raises DescriptionError: there are no records
        """
        self.tidy()
        held = self.store.extent(DATASET)
        if not held.rows and self.store.state()["datasets"].get(DATASET, {}).get("damaged"):
            # Whatever was asked for can't be judged; the looks name the files.
            return Window(begin or 0, milliseconds() if end is None else end)
        if not held.rows or held.oldest is None or held.newest is None:
            self._check_deleted()
            raise NothingThere(
                Text(
                    ja="取り込んだフローがないので、何も判断できない",
                    en="no flows were taken in: nothing can be judged",
                ),
                str(self.folder),
            )
        first, last = held.oldest, held.newest
        chosen = Window(first if begin is None else begin, last + 1 if end is None else end)
        if chosen.begin >= chosen.end:
            raise NothingThere(
                Text(
                    ja="指定した期間に記録がないので、何も判断できない",
                    en="there are no records in that time: nothing can be judged",
                ),
                f"{_clock(chosen.begin)} – {_clock(chosen.end)} ({_clock(first)} – {_clock(last)})",
            )
        return chosen

    def _check_deleted(self) -> None:
        """Do nothing, unless there were flows once. :raises NothingThere: they were deleted, and when."""
        gone = [
            row
            for row in lines(self.store.root / RECEIPTS)
            if row.get("dataset") == DATASET and row.get("rows")
        ]
        if gone and max(gone, key=lambda row: int(row["at"])).get("reason") == AGAIN:
            raise NothingThere(
                Text(
                    ja="取り込み直すために消したフローを、まだ取り込み直していないので、何も判断できない",
                    en="flows were deleted to be taken in anew, and haven't been yet: nothing can be judged",
                ),
                str(self.folder),
                Text(ja="そのファイルをもう一度取り込む", en="take these files in once more"),
            )
        gone = [row for row in gone if row.get("reason") != AGAIN]
        if gone:
            rows, at = sum(int(row["rows"]) for row in gone), max(int(row["at"]) for row in gone)
            raise NothingThere(
                Text(
                    ja=f"取り込んだフローは全て保存期限で消えた（{rows:,}行）ので、何も判断できない",
                    en=f"all flows that were taken in were deleted at their time ({rows:,} rows): nothing can be judged",
                ),
                f"{self.folder}: {_clock(at)}",
                Text(ja="新しいフローを取り込む", en="take in newer flows"),
            )

    def detectors(
        self, methods: Sequence[str], lists: Sequence[Path], *, any_time: bool = False
    ) -> tuple[dict[str, Detector], ListsRead]:
        """Return the methods asked for (all when none is named), the known C&C bound to its lists."""
        every = {name: plugins.unit("detectors", name) for name in methods} or plugins.units("detectors")
        indicators, read = (
            indicators_of(self.folder, self.settings, lists)
            if KnownCc.name in every
            else ((), ListsRead({}, {}))
        )
        bound = {
            name: one.bound(indicators, any_time=any_time) if isinstance(one, KnownCc) else one
            for name, one in every.items()
        }
        return bound, read

    def detect(
        self, detectors: Mapping[str, Detector], window: Window, *, past: int, step: int = HOUR
    ) -> Iterator[Looked]:
        """Run ``detectors`` over ``window``; see `workflows.detect`. Records that have expired go first."""
        if self.store.overdue(milliseconds()):
            self.tidy()
        ages = list_ages(self.folder)
        for look in detect(
            detectors, self.store, DATASET, window, past=past, parameters=self.parameters(), step=step,
            lost=lost(taken(self.folder)),
        ):  # fmt: skip
            stale = tuple(one.name for one in ages if one.stale(look.window.end))
            yield (
                msgspec.structs.replace(look, stale=stale) if stale and look.method == KnownCc.name else look
            )

    def parameters(self) -> Callable[[str], Options]:
        """Return how a detector's name leads to its values."""
        return lambda name: parameters(name, self.settings.detect.get(name))

    def remember(self, found: Sequence[Detection]) -> None:
        """Keep detections, as candidates under their own label. :raises StoreError: the disk refuses."""
        rule = Stage.CANDIDATE
        label = handling.label(
            self.rules,
            rule,
            (Purpose.CC_DETECTION, Purpose.ATTACK_DETECTION),
            self.settings.basis,
            milliseconds(),
        )
        self.log.add(found, label, milliseconds())

    def note_looks(self, looks: Sequence[Looked], window: Window) -> None:
        """Note which methods have wholly looked at ``window``: only then does "no detection" say anything of it.

        Of the hours that are over; a look that could not judge, or failed, doesn't count, and only the parts of that
        method that could be judged do.

        :raises StoreError: the disk refuses
        """
        over = Window(window.begin, min(window.end, milliseconds()))
        for method in {look.method for look in looks}:
            mine = [look for look in looks if look.method == method]
            if all(_whole(look) for look in mine):
                self.looks.add((method,), over)
                continue
            for look in mine:
                if _whole(look):
                    self.looks.add((method,), Window(look.window.begin, min(look.window.end, over.end)))


def taken(folder: Path) -> tuple[Taken, ...]:
    """Return what became of each file that was taken into a data folder."""
    return tuple(_taken(folder / _TAKEN).values())


def _whole(look: Looked) -> bool:
    return look.state != "not-measured" and not (look.damaged or look.lost or look.stale)


def _clock(moment: int) -> str:
    return shown(moment, "%Y-%m-%d %H:%M")


def readers() -> dict[str, Reader]:
    """Return the readers by name."""
    return plugins.units("readers")


class Unrecorded(NamedTuple):
    """Why a look was not kept; ``only_read`` when the folder is one that may only be read, which is no fault of it."""

    error: StoreError
    only_read: bool


def recorded(watch: Watch, looks: Sequence[Looked], window: Window, *, whole: bool) -> Unrecorded | None:
    """Keep what was found and, with ``whole``, that it was looked; return what the disk refused.

    It must not take along the answer of whoever asked. Where detections are not kept, the look isn't noted either.
    """
    try:
        watch.remember([one for look in looks for one in look.detections])
        if whole:
            watch.note_looks(looks, window)
    except StoreError as error:
        cause = error.__cause__
        return Unrecorded(error, isinstance(cause, OSError) and cause.errno in READ_ONLY)
    return None


def _taken(file: Path) -> dict[str, Taken]:
    """Return what became of the files taken, by digest; a half line at the end is of a killed run and does not count."""
    if not file.exists():
        return {}
    found = {}
    for line in file.read_bytes().split(b"\n"):
        try:
            one = msgspec.json.decode(line, type=Taken)
        except msgspec.DecodeError:
            continue
        found[one.digest] = one
        if one.outcome == FORGOTTEN:
            del found[one.digest]
    return found
