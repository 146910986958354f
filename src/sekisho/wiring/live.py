"""Marries the live watch: a receiver process, its spool, and the decoding that follows it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from sekisho.detectors.flows.known_cc import KnownCc
from sekisho.errors import DescriptionError, SekishoError, StoreError
from sekisho.language import Text
from sekisho.model.detection import Detection, Window
from sekisho.model.pipeline import Fault
from sekisho.ports.flows import Detector
from sekisho.stores.spool_place import Place
from sekisho.stores.spool_segments import identity, last_done, last_ordinal, locked
from sekisho.stores.spool_writer import MOST_OCTETS
from sekisho.wires.receiver import why_not_heard
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.lists import list_files
from sekisho.wiring.live_parts import Faring, Lists, Templates, fast_from
from sekisho.wiring.spools import disk_spool, spool_name
from sekisho.wiring.watch import DATASET, Watch, milliseconds
from sekisho.workflows.receive import Receiving, Told, last_told, receive_until_told
from sekisho.workflows.watch import Figures, LiveWatch, Pace, Parts

_TEMPLATES = "templates.json"
_DAY, _HOUR = 86_400_000, 3_600_000
_END_SECONDS = 5.0
_TAKEN_OVER_SECONDS, _AGAIN_SECONDS = 1.0, 0.1
_OLD_SECONDS = 5.0


def receiving(
    watch: Watch,
    *,
    listen: Sequence[str],
    ports: Sequence[int],
    disk: bool,
    octets: int = 0,
    ring: bool = False,
) -> Receiving:
    """Return what the receiver of this data folder is told; the folder's path names its spool."""
    return Receiving(
        name=spool_name(watch.folder),
        listens=tuple((a, p) for a in listen or watch.settings.listen for p in ports or watch.settings.ports),
        allowed=watch.settings.exporters,
        most_octets=octets or MOST_OCTETS,
        disk=str(disk_spool(watch.folder)) if disk else "",
        ring=ring or watch.settings.packet_ring,
    )


@contextmanager
def receiver(told: Receiving) -> Iterator[Callable[[], Told | None]]:
    """Run a receiver process; yield what gives its newest figures. It ends with this block.

    One that was ended while it received is started anew as soon as its figures are asked for.

    :raises DescriptionError: an address that this machine can't listen on
    :raises StoreError: it ended by itself at once (a port that is taken, no room for the spool)
    """
    for address in dict.fromkeys(address for address, _ in told.listens):
        if why := why_not_heard(address):
            raise DescriptionError(
                Text(ja="このアドレスでは受信できない", en="can't listen on this address"),
                f"{address}: {why}",
                Text(
                    ja="この機器のアドレスを指定する（--listen）",
                    en="name an address of this machine (--listen)",
                ),
            )
    hearing = _Hearing(told)
    try:
        yield hearing
    finally:
        hearing.end()
        _clear(told.place())


class _Hearing:
    """A receiver process and, when that was ended, the next one."""

    def __init__(self, told: Receiving) -> None:
        self._told = told
        self._place = told.place()
        self._again = 0
        self._start()

    def _start(self) -> None:
        self._heard = False
        self._process = multiprocessing.get_context("spawn").Process(
            target=_receive, args=(self._told,), daemon=True
        )
        self._process.start()

    def __call__(self) -> Told | None:
        newest = last_told(self._place)
        mine = newest if newest and newest.process == self._process.pid else None
        self._heard = self._heard or mine is not None
        if not self._process.is_alive():
            if not self._heard:
                raise StoreError(
                    Text(ja="受信プロセスが止まった", en="the receiver has ended"),
                    ", ".join(f"{address} {port}" for address, port in self._told.listens),
                    Text(
                        ja="ポートが使われていないか確かめる（--port）",
                        en="see whether the ports are taken (--port)",
                    ),
                )
            self._again += 1
            self._start()
            return None
        if mine and self._again:
            mine = msgspec.structs.replace(mine, notes=(*mine.notes, _begun_anew(self._again)))
        return _with_age(mine) if mine else None

    def end(self) -> None:
        self._process.terminate()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _begun_anew(times: int) -> Text:
    return Text(
        ja=f"受信プロセスが外から止められ、{times}回始め直した。その間に届いたものは失われた",
        en=f"the receiver was ended and started anew (times: {times}); what came in between is lost",
    )


def _with_age(told: Told) -> Told:
    """Return figures with a fault when they are old: the receiver can't leave new ones, or doesn't run."""
    age = time.time() - told.at
    if age < _OLD_SECONDS:
        return told
    what = Text(
        ja="受信プロセスの数値が更新されない（メモリー上の置き場が満杯の可能性）",
        en="the receiver's figures are old (its memory file system may be full)",
    )
    return msgspec.structs.replace(told, faults=(*told.faults, Fault("counts", what)))


def _clear(place: Place) -> None:
    """Leave no raw datagram behind in memory once all of them were dealt with; of what waits, nothing is deleted."""
    with suppress(OSError, StoreError):  # StoreError: another watch has begun to write it
        held = locked(place.folder, "writer.lock")
        try:
            read, last = last_done(place.folder), last_ordinal(place.folder)
            here = identity(place.folder)
            if not last or (read is not None and read.spool == here and read.ordinal >= last):
                shutil.rmtree(place.folder, ignore_errors=True)
        finally:
            os.close(held)


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
    noted, faring, known = Templates(watch.folder / _TEMPLATES), Faring(), Lists(watch, lists)

    started = milliseconds()

    def look(detectors: Mapping[str, Detector], window: Window) -> Iterator[tuple[Detection, ...]]:
        if not watch.has_records():
            return
        looks = []
        for one in watch.detect(detectors, window, past=_DAY):
            looks.append(one)
            faring.note(one)
            yield one.detections
        if window.end <= milliseconds() and window.begin % _HOUR == 0:
            watch.note_looks(looks, window)
            # Of flows towards the lines only no method can say anything, whatever it was held against.
            seen = not any(one.coverage.note == "inbound-only" for one in looks)
            if seen and window.begin >= started and list_files(watch.folder, watch.settings, lists):
                watch.looks.add((KnownCc.name,), window)  # every flow of that hour was held against the lists

    def faults() -> Iterable[Fault]:
        return (*([known.fault] if known.fault else ()), *faring.faults())

    return LiveWatch(
        Parts(
            place=told.place(),
            door=watch.door(fast_from=fast_from()),
            store=watch.store,
            dataset=DATASET,
            label=lambda: watch.label("live"),
            lists=known,
            detectors=behaviours,
            look=look,
            parameters=watch.parameters(),
            remember=watch.remember,
            now=milliseconds,
            keep_templates=noted.keep,
            templates=noted.at,
            pace=pace or Pace(),
            expire=lambda: Holdings(watch).expire("sekisho").check(),
            faults=faults,
            fast_from=fast_from(),
        )
    )


__all__ = ["Figures", "Pace", "live", "receiver", "receiving"]
