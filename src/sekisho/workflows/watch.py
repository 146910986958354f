"""The verb watch: what waits in the spool is decoded, passed through the privacy door, matched, kept and judged.

The receiver is another process and never waits for this one. Looking (the detectors) and tidying (compaction, expiry)
run beside the decoding, on a thread of their own: their work is inside engines that let other threads run.

Each write keeps the position in the spool together with the rows, so whatever ends this process, the next one goes on
behind the last rows that were kept: no flow is lost or doubled. Templates are noted before the rows, with the position
that they hold at. What waits in memory has a bound: when the store refuses, reading stops, and the spool tells of it.

Whatever refuses for a while (a full disk, a broken list) is a `Fault` among the figures and is tried again; it doesn't
end the watch, and nothing found or decoded before it is given up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock

import msgspec
import pyarrow as pa

from sekisho.detectors.flows.known_cc import KnownCc, Matches
from sekisho.errors import SekishoError, StoreError
from sekisho.formats.datagrams import Datagrams
from sekisho.formats.flow_export import UNREAD, Decoder
from sekisho.formats.passage import Passage
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.formats.watchlist import Watchlist
from sekisho.language import Text
from sekisho.model.detection import Detection, Window
from sekisho.model.found import Found
from sekisho.model.pipeline import Fault, StageCount, Step, fault_of
from sekisho.model.purpose import Label
from sekisho.model.tallies import Counting
from sekisho.model.verdict import Scalar
from sekisho.ports.flows import Detector, Once, RecordStore
from sekisho.stores.spool import BLOCK_DATAGRAMS, GATHER_SECONDS, Position, Spool, let_come
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import identity, last_done

HOUR = 3_600_000
_LATE = 600_000
_SHOWN = 50
# Hours that are looked at later, when looking failed; and detections that wait for the disk.
_CATCH_UP = 48
_UNREMEMBERED = 10_000


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often things are done, in seconds, and how many rows are gathered before they are written."""

    write: float = 2.0
    rows: int = 1_000_000
    look: float = 60.0
    look_after_match: float = 5.0
    tidy: float = 600.0
    tell: float = 1.0
    idle: float = GATHER_SECONDS


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the watch stands. ``lag`` are octets that the spool holds, ``read_to`` the datagrams of it read so far.

    ``found`` counts doings since the start, ``detections`` are the latest of them, ``new`` those that were not told
    before. ``faults`` are what can't be done at the moment; ``dropped`` detections could not be kept for too long.
    """

    at: int
    counts: tuple[StageCount, ...]
    sources: tuple[dict[str, object], ...]
    lag: int
    indicators: int
    detections: tuple[Detection, ...]
    looked_at: int = 0
    faults: tuple[Fault, ...] = ()
    read_to: int = 0
    found: int = 0
    new: tuple[Detection, ...] = ()
    dropped: int = 0


class Parts(msgspec.Struct, frozen=True):
    """What the watch is married with; ``lists`` gives the known C&C as they are now, the same object while unchanged.

    ``keep_templates`` gets them with the position that they hold at, and the last position whose rows are kept.
    ``expire`` lets every dataset of the installation give up what is past its time, not the records alone. ``faults``
    are those of the parts themselves: lists that can't be read, methods that fail. ``fast_from`` is the decoder's.
    """

    place: Place
    door: Pseudonyms
    store: RecordStore
    dataset: str
    label: Callable[[], Label]
    lists: Callable[[], tuple[KnownCc, Watchlist]]
    detectors: Mapping[str, Detector]
    look: Callable[[Mapping[str, Detector], Window], Iterator[tuple[Detection, ...]]]
    parameters: Callable[[str], Mapping[str, Scalar]]
    remember: Callable[[Sequence[Detection]], None]
    now: Callable[[], int]
    keep_templates: Callable[[Position, Mapping[str, object], Position | None], None]
    templates: Callable[[Position | None], Mapping[str, object] | None] = lambda _: None
    pace: Pace = Pace()
    expire: Callable[[], object] | None = None
    faults: Callable[[], Iterable[Fault]] = tuple
    fast_from: int | None = None


class _Unread(Counting):
    """Counts, by exporter, the datagrams that belong to no source as well: nobody else's figures have them."""

    def __init__(self, counts: Counter[tuple[str, Step, str]]) -> None:
        super().__init__()
        self._counts = counts

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        super().reject(reason, where, count)
        if reason in UNREAD:
            self._counts[where, Step.DECODER, reason] += count


class LiveWatch:
    """One decoding process."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is read before `run`."""
        self.parts = parts
        self._decoder = Decoder(fast_from=parts.fast_from)
        self._passage = Passage(self._decoder, parts.door)
        self._counts: Counter[tuple[str, Step, str]] = Counter()
        self._tally = _Unread(self._counts)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._end: Position | None = None
        self._kept_to: Position | None = None
        self._hour = parts.now() // HOUR * HOUR
        self._matches = Matches()
        self._matched = 0
        # The detector reads what the decoding side goes on adding to.
        self._guard = Lock()
        self._settled = -1
        self._missed: set[int] = set()
        self._found = Found(_SHOWN)
        self._unremembered: dict[str, Detection] = {}
        self._dropped = self._looked_at = 0
        self._faults: dict[str, Fault] = {}
        self._due: dict[str, float] = {}
        self._work: Future[None] | None = None

    def run(self, stopped: Callable[[], bool], tell: Callable[[Figures], None]) -> Figures:
        """Work until ``stopped`` says so; what was decoded is written then, or waits in the spool for the next watch."""
        pace, begun = self.parts.pace, time.monotonic()
        self._due = {
            "write": begun, "tell": begun, "look": begun + pace.look_after_match, "tidy": begun + pace.tidy,
            "remember": begun,
        }  # fmt: skip
        self._kept_to = self._resumed()
        with Spool(self.parts.place, self._kept_to) as spool, ThreadPoolExecutor(1) as hand:
            while not stopped():
                block = spool.read() if self._rows < pace.rows else None
                if block is not None:
                    self._take(block.datagrams)
                    self._end = block.end
                full = self._rows >= pace.rows and "store" not in self._faults
                if full or self._is_due("write", pace.write):
                    self._try_to_write(spool)
                self._beside(hand)
                if self._is_due("tell", pace.tell):
                    tell(self.figures(spool))
                if block is None or (len(block.datagrams) < BLOCK_DATAGRAMS and not spool.goes_on):
                    # What a block costs is shared by its datagrams, what waking up costs by blocks: let some more come.
                    let_come(pace.idle, stopped)
            self._try_to_write(spool)
            if self._work:
                self._work.result()
            self._look()
            return self.figures(spool)

    def _resumed(self) -> Position | None:
        """Return where to go on in the spool, with the templates that held there; None leaves it to its cursor."""
        here = identity(self.parts.place.folder)
        cursor = last_done(self.parts.place.folder)
        known = cursor.ordinal if cursor and cursor.spool == here else None
        kept = self.parts.store.kept(self.parts.dataset, _stream(here)) if here else None
        at = max((one for one in (known, kept) if one is not None), default=None)
        position = None if at is None else Position(here, at)
        templates = self.parts.templates(position or (Position(here, 0) if here else None))
        if templates:
            # Templates of a damaged file are learnt again from the exporters.
            with suppress(ValueError):
                self._decoder.restore(templates)
        return position

    def _is_due(self, what: str, every: float) -> bool:
        at = time.monotonic()
        if at < self._due[what]:
            return False
        self._due[what] = at + every
        return True

    def _beside(self, hand: ThreadPoolExecutor) -> None:
        """Begin to look or to tidy, when it is time and the last such work is done."""
        pace = self.parts.pace
        if self._matched:
            self._due["look"] = min(self._due["look"], time.monotonic() + pace.look_after_match)
        if self._work and not self._work.done():
            return
        if self._work and (error := self._work.exception()):
            raise error
        self._work = None
        if self._is_due("look", pace.look):
            self._work = hand.submit(self._look)
        elif self._unremembered and self._is_due("remember", pace.look_after_match):
            self._work = hand.submit(self._remember)
        elif self._is_due("tidy", pace.tidy):
            self._work = hand.submit(self._tidy)

    def figures(self, spool: Spool) -> Figures:
        """Return how the watch stands now."""
        counts = [StageCount(who, step, name, count) for (who, step, name), count in self._counts.items()]
        state = self._decoder.state()
        known = len(self.parts.lists()[0].indicators)
        return Figures(
            self.parts.now(), (*counts, *spool.counts()), tuple(state["sources"]), spool.waiting, known,
            self._found.latest, self._looked_at, (*self._faults.copy().values(), *self.parts.faults()), spool.ordinal,
            self._found.count, self._found.new(), self._dropped,
        )  # fmt: skip

    def _take(self, datagrams: Datagrams) -> None:
        """Decode a block, watch its flows, match them; rows wait in memory until they are written."""
        watchlist = self.parts.lists()[1]
        for rows, among, read, kept in self._passage.take(datagrams, watchlist, self._tally):
            for who, count in read.items():
                self._counts[who, Step.DECODER, "records"] += count
                self._counts[who, Step.DOOR, "elsewhere"] += count - kept.get(who, 0)
                self._counts[who, Step.DOOR, "watched"] += kept.get(who, 0)
            if rows.num_rows:
                with self._guard:
                    self._matched += self._matches.feed(watchlist, rows, among)
                self._waiting.append(rows)
                self._rows += rows.num_rows

    @contextmanager
    def _as_fault(self, part: str) -> Iterator[None]:
        """Turn what is refused into a fault that stands until the same succeeds."""
        try:
            yield
        except (SekishoError, OSError) as error:
            self._faults[part] = fault_of(part, error)
        else:
            self._faults.pop(part, None)

    def _try_to_write(self, spool: Spool) -> None:
        """Write what waits; when the store refuses, it goes on waiting and nothing more is read meanwhile."""
        with self._as_fault("store"):
            self._write(spool)

    def _write(self, spool: Spool) -> None:
        """Write what waits, and only then say that the datagrams are done with."""
        if self._end is None:
            return
        with _refusing(Text(ja="テンプレートを書けない", en="templates can't be written")):
            self.parts.keep_templates(self._end, self._decoder.templates(), self._kept_to)
        if self._waiting:
            once = Once(_stream(self._end.spool), self._end.ordinal)
            kept = self.parts.store.append(self.parts.dataset, iter(self._waiting), self.parts.label(), once)
            self._counts["", Step.STORE, "kept"] += kept
            self._waiting, self._rows = [], 0
        self._kept_to = self._end
        with _refusing(Text(ja="受信の置き場の位置を書けない", en="the place in the spool can't be written")):
            spool.done(self._end)
        self._end = None

    def _look(self) -> None:
        """Judge the hour that runs, and the one before while its late flows come in; keep what is found."""
        now, self._matched = self.parts.now(), 0
        with self._as_fault("look"):
            self._judge(now)
        self._looked_at = now
        self._remember()

    def _remember(self) -> None:
        """Keep what was found; when the disk refuses it waits, and what is found again takes its place."""
        if self._unremembered:
            with self._as_fault("remember"):
                self.parts.remember(tuple(self._unremembered.values()))
                self._unremembered.clear()

    def _judge(self, now: int) -> None:
        """Look at what streamed by, then at the store.

        :raises SekishoError: the last of what failed; the rest was looked at
        """
        hour, late = now // HOUR * HOUR, (now - _LATE) // HOUR * HOUR
        known = self.parts.lists()[0]
        with self._guard:
            matches, window = self._matches.copy(), Window(self._hour, self._hour + HOUR)
            if hour != self._hour:
                self._hour, self._matches = hour, Matches()
        self._take_in(known.judge(matches, window, self.parts.parameters(known.name)).finds.detections)
        # A window across the full hour as well: what lies on both sides of it counts together.
        across = (now - HOUR // 2) // HOUR * HOUR + HOUR // 2
        self._missed = set(sorted({hour, late, across} | self._missed)[-_CATCH_UP:])
        self._found.forget(min(self._missed) - 2 * HOUR)
        failed: SekishoError | OSError | None = None
        for begin in sorted(self._missed):
            try:
                self._look_at(self.parts.detectors, begin)
                self._missed.discard(begin)
            except (SekishoError, OSError) as error:
                failed = error
        if failed is not None:
            raise failed
        # What was matched before this process, and what came late, is in the store alone.
        first = late - HOUR if self._settled < 0 else max(self._settled, late - _CATCH_UP * HOUR)
        for begin in range(first, late + 1, HOUR) if late != self._settled else ():
            self._look_at({known.name: known}, begin)
        self._settled = late

    def _look_at(self, detectors: Mapping[str, Detector], begin: int) -> None:
        for detections in self.parts.look(detectors, Window(begin, begin + HOUR)):
            self._take_in(detections)

    def _take_in(self, found: Iterable[Detection]) -> None:
        """Show what was found, and let it wait for the disk: the same found again replaces it."""
        for one in found:
            self._found.add(one)
            self._unremembered[one.id] = one
        while len(self._unremembered) > _UNREMEMBERED:
            del self._unremembered[next(iter(self._unremembered))]
            self._dropped += 1

    def _tidy(self) -> None:
        with self._as_fault("tidy"):
            self.parts.store.compact(self.parts.dataset)
            if self.parts.expire:
                self.parts.expire()
            else:
                self.parts.store.expire(self.parts.now())


@contextmanager
def _refusing(what: Text) -> Iterator[None]:
    """Say of a disk that refuses what can't be written to it.

    :raises StoreError: it refuses
    """
    try:
        yield
    except OSError as error:
        raise StoreError(what, f"{error.filename or ''}: {error.strerror}".removeprefix(": ")) from error


def _stream(spool: str) -> str:
    return f"spool {spool}"
