"""Marries the live watch: a receiver process, its spool, and the decoding that follows it."""

from __future__ import annotations

import hashlib
import importlib.util
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sekisho.detectors.flows.known_cc import KnownCc
from sekisho.errors import SekishoError, StoreError
from sekisho.formats.watchlist import Watchlist
from sekisho.language import Text
from sekisho.model.detection import Detection, Window
from sekisho.model.pipeline import Step
from sekisho.ports.flows import Detector
from sekisho.stores.spool import Position
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import last_done
from sekisho.stores.spool_writer import MOST_OCTETS
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.lists import indicators_of, list_files
from sekisho.wiring.watch import DATASET, Watch, milliseconds
from sekisho.workflows.receive import Receiving, Told, last_told, receive_until_told
from sekisho.workflows.watch import Figures, LiveWatch, Pace, Parts

_TEMPLATES = "templates.json"
_DAY, _HOUR = 86_400_000, 3_600_000
_END_SECONDS = 5.0
_TAKEN_OVER_SECONDS, _AGAIN_SECONDS = 1.0, 0.1


def receiving(
    watch: Watch, *, listen: Sequence[str], ports: Sequence[int], disk: bool, octets: int = 0
) -> Receiving:
    """Return what the receiver of this data folder is told; the folder's path names its spool."""
    where = hashlib.sha256(str(watch.folder.resolve()).encode()).hexdigest()[:12]
    return Receiving(
        name=f"watch-{where}",
        listens=tuple((a, p) for a in listen or watch.settings.listen for p in ports or watch.settings.ports),
        allowed=watch.settings.exporters,
        most_octets=octets or MOST_OCTETS,
        disk=str(watch.folder / "spool") if disk else "",
    )


@contextmanager
def receiver(told: Receiving) -> Iterator[Callable[[], Told | None]]:
    """Run a receiver process; yield what gives its newest figures. It ends with this block.

    :raises StoreError: it ended by itself at once (a port that is taken, no room for the spool)
    """
    place = told.place()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(told,), daemon=True)
    process.start()

    def figures() -> Told | None:
        if not process.is_alive():
            raise StoreError(
                Text(ja="受信プロセスが止まった", en="the receiver has ended"),
                ", ".join(f"{address} {port}" for address, port in told.listens),
                Text(
                    ja="ポートが使われていないか確かめる（--port）",
                    en="see whether the ports are taken (--port)",
                ),
            )
        newest = last_told(place)
        return newest if newest and newest.process == process.pid else None

    try:
        yield figures
    finally:
        process.terminate()
        process.join(_END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        _clear(place)


def _clear(place: Place) -> None:
    """Leave no raw datagram behind in memory once all of them were dealt with."""
    read, told = last_done(place.folder), last_told(place)
    spooled = (
        sum(one.count for one in told.counts if (one.step, one.name) == (Step.SPOOL, "spooled"))
        if told
        else 0
    )
    if told and (spooled == 0 or (read is not None and read.spool == told.spool and read.ordinal >= spooled)):
        shutil.rmtree(place.folder, ignore_errors=True)


def _receive(told: Receiving) -> None:
    """Be the receiver; what it has to say of its end goes to stderr in one line.

    A receiver of a watch that was killed ends within a fraction of a second: until then it holds spool and ports.
    """
    import sys

    until = time.monotonic() + _TAKEN_OVER_SECONDS
    while True:
        try:
            return receive_until_told(told, with_parent=True)
        except SekishoError as error:
            if time.monotonic() < until:
                time.sleep(_AGAIN_SECONDS)
                continue
            sys.stderr.write(f"{error.what.ja} / {error.what.en}: {error.where}\n")
            sys.exit(error.exit_code)


def live(watch: Watch, told: Receiving, lists: Sequence[Path], *, pace: Pace | None = None) -> LiveWatch:
    """Return the decoding side, with the lists reloaded whenever one of their files changes."""
    behaviours = {
        name: one for name, one in watch.detectors((), lists)[0].items() if not isinstance(one, KnownCc)
    }
    noted = _Templates(watch.folder / _TEMPLATES)

    started = milliseconds()

    def look(detectors: Mapping[str, Detector], window: Window) -> Iterator[tuple[Detection, ...]]:
        if not watch.has_records():
            return
        looks = []
        for one in watch.detect(detectors, window, past=_DAY):
            looks.append(one)
            yield one.detections
        if window.end <= milliseconds() and window.begin % _HOUR == 0:
            watch.note_looks(looks, window)
            if window.begin >= started and list_files(watch.folder, watch.settings, lists):
                watch.looks.add((KnownCc.name,), window)  # every flow of that hour was held against the lists

    return LiveWatch(
        Parts(
            place=told.place(),
            door=watch.door(),
            store=watch.store,
            dataset=DATASET,
            label=lambda: watch.label("live"),
            lists=_Lists(watch, lists),
            detectors=behaviours,
            look=look,
            parameters=watch.parameters(),
            remember=watch.remember,
            now=milliseconds,
            keep_templates=noted.keep,
            templates=noted.at,
            pace=pace or Pace(),
            expire=lambda: Holdings(watch).expire("sekisho").check(),
        )
    )


class _Noted(msgspec.Struct, frozen=True):
    """Templates as they were when everything before a position was decoded."""

    position: Position
    templates: dict[str, object]


class _Templates:
    """The last two notes of templates, in a file: a killed process may have noted one whose rows were never kept."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last: list[_Noted] = []

    def keep(self, position: Position, templates: Mapping[str, object]) -> None:
        self._last = [*self._last[-1:], _Noted(position, dict(templates))]
        part = self._file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(self._last))
        part.replace(self._file)

    def at(self, position: Position | None) -> Mapping[str, object] | None:
        """Return the templates that hold at a position; of another spool the newest, they are better than none."""
        try:
            held = msgspec.json.decode(self._file.read_bytes(), type=list[_Noted])
        except (OSError, msgspec.DecodeError):
            return None
        fitting = [
            one
            for one in held
            if position is None
            or one.position.spool != position.spool
            or one.position.ordinal <= position.ordinal
        ]
        self._last = fitting[-1:]
        return fitting[-1].templates if fitting else None


class _Lists:
    """The known C&C as they are now; files are looked at again when asked, at most each second."""

    def __init__(self, watch: Watch, lists: Sequence[Path]) -> None:
        self._watch = watch
        self._lists = lists
        self._seen: tuple[float, ...] = ()
        self._at = 0
        self._held: tuple[KnownCc, Watchlist] | None = None

    def __call__(self) -> tuple[KnownCc, Watchlist]:
        now = milliseconds()
        if self._held is None or now - self._at > 1000:  # noqa: PLR2004 - a second
            self._at = now
            seen = tuple(
                path.stat().st_mtime
                for path in list_files(self._watch.folder, self._watch.settings, self._lists)
                if path.exists()
            )
            if self._held is None or seen != self._seen:
                try:
                    indicators, _ = indicators_of(self._watch.folder, self._watch.settings, self._lists)
                except (SekishoError, OSError):
                    if self._held is None:
                        raise
                    return (
                        self._held
                    )  # half written, or gone: the last good list holds on, and is looked at again
                self._seen = seen
                self._held = KnownCc(indicators), Watchlist(indicators, fast=_has_numba())
        return self._held


def _has_numba() -> bool:
    """Say whether the extra ``fast`` is installed: the look-up's compiled twin gives the same answers sooner."""
    return importlib.util.find_spec("numba") is not None


__all__ = ["Figures", "Pace", "live", "receiver", "receiving"]
