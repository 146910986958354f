"""Parts of the live watch that change while it runs: its templates, its lists of C&C, and how its methods fare."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from sekisho.detectors.flows.known_cc import KnownCc
from sekisho.errors import SekishoError
from sekisho.formats.watchlist import Watchlist
from sekisho.language import Text
from sekisho.model.pipeline import Fault, fault_of
from sekisho.stores.spool import Position
from sekisho.wiring.lists import indicators_of, list_files
from sekisho.wiring.watch import Watch, milliseconds
from sekisho.workflows.detect import Looked

_SECOND, _HOUR = 1000, 3_600_000
# Flows that take the plain path about as long as the compiled twins take to be made.
_WORTH_COMPILING = 20_000_000
_AGAIN = 10 * _SECOND
# Windows lie across the full hour too, and late flows are waited for.
_FARES = 3 * _HOUR


class _Noted(msgspec.Struct, frozen=True):
    """Templates as they were when everything before a position was decoded."""

    position: Position
    templates: dict[str, object]


class Templates:
    """The notes of templates that may still be needed, in a file.

    A process may be killed when it has noted some whose rows were never kept, so the ones that held at the last kept
    position stay beside the newest, however often the store refuses in between.
    """

    def __init__(self, file: Path) -> None:
        """Name the file; `at` reads it."""
        self._file = file
        self._last: list[_Noted] = []

    def keep(self, position: Position, templates: Mapping[str, object], kept: Position | None) -> None:
        """Note the templates that hold at ``position``; rows are kept up to ``kept``.

        :raises OSError: the disk refuses; the file is as it was
        """
        needed = [one for one in self._last if kept is None or _holds(one, kept)]
        self._last = [*needed[-1:], _Noted(position, dict(templates))]
        part = self._file.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(self._last))
        part.replace(self._file)

    def at(self, position: Position | None) -> Mapping[str, object] | None:
        """Return the templates that hold at a position; of another spool the newest, they are better than none."""
        try:
            held = msgspec.json.decode(self._file.read_bytes(), type=list[_Noted])
        except (OSError, msgspec.DecodeError):
            return None
        fitting = [one for one in held if position is None or _holds(one, position)]
        self._last = fitting[-1:]
        return fitting[-1].templates if fitting else None


def _holds(one: _Noted, position: Position) -> bool:
    return one.position.spool != position.spool or one.position.ordinal <= position.ordinal


class Lists:
    """The known C&C as they are now; files are looked at again when asked, at most each second.

    A list that breaks or vanishes while the watch runs is a fault for as long as it is so; the last good lists hold
    on meanwhile.
    """

    def __init__(self, watch: Watch, lists: Sequence[Path]) -> None:
        """Nothing is read before it is asked."""
        self._watch = watch
        self._lists = lists
        self._seen: tuple[tuple[int, int] | None, ...] = ()
        self._at = self._again = 0
        self._held: tuple[KnownCc, Watchlist] | None = None
        self.fault: Fault | None = None

    def __call__(self) -> tuple[KnownCc, Watchlist]:
        """Return the lists.

        :raises SekishoError: they can't be read, and never could
        """
        now = milliseconds()
        if self._held is not None and now - self._at <= _SECOND:
            return self._held
        self._at = now
        seen = tuple(map(_seen, list_files(self._watch.folder, self._watch.settings, self._lists)))
        if self._held is not None and seen == self._seen and (self.fault is None or now < self._again):
            return self._held
        self._seen, self._again = seen, now + _AGAIN
        try:
            indicators, _ = indicators_of(self._watch.folder, self._watch.settings, self._lists)
        except Exception as error:
            if self._held is None:
                raise
            self.fault = _list_fault(error)
        else:
            self._held, self.fault = (KnownCc(indicators), Watchlist(indicators, fast=_has_numba())), None
        return self._held


def _list_fault(error: Exception) -> Fault:
    told = (
        fault_of("lists", error)
        if isinstance(error, SekishoError | OSError)
        else Fault("lists", Text(ja=f"読めない：{error!r}", en=f"can't be read: {error!r}"))
    )
    what = Text(
        ja=f"C&Cの表を読み直せないので、前の表で続けている。{told.what.ja}",
        en=f"the lists of C&C can't be read again, the last good ones hold on: {told.what.en}",
    )
    return msgspec.structs.replace(told, what=what)


def _seen(path: Path) -> tuple[int, int] | None:
    """Return what changes with a file, None when it isn't there."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


class Faring:
    """What the methods could not judge lately: a method that fails, or record files that are damaged."""

    def __init__(self) -> None:
        """Begin without a fault."""
        self._faults: dict[tuple[str, int], Fault] = {}

    def note(self, look: Looked) -> None:
        """Take a look in; one without a fault lifts that of the same method and window."""
        for old in [key for key in self._faults if key[1] < look.window.begin - _FARES]:
            self._faults.pop(old, None)
        key = (look.method, look.window.begin)
        if look.fault:
            what = Text(
                ja="検出方法が失敗した：この時間は判断していない",
                en="a method failed: its time was not judged",
            )
            self._faults[key] = Fault("look", what, f"{look.method}: {look.fault}")
        elif look.damaged:
            what = Text(
                ja="記録のファイルが壊れている：判断できない範囲がある",
                en="record files are damaged: a part could not be judged",
            )
            self._faults[key] = Fault("look", what, ", ".join(look.damaged))
        elif look.coverage.note == "inbound-only":
            what = Text(
                ja="回線が送ったフローが一つも届いていない：判断できない",
                en="no flow that a line sent has come in: nothing can be judged",
            )
            self._faults[key] = Fault("look", what, look.method)
        else:
            self._faults.pop(key, None)

    def faults(self) -> Iterator[Fault]:
        """Yield each fault once, whatever windows it was met in."""
        yield from dict.fromkeys(self._faults.copy().values())


def _has_numba() -> bool:
    """Say whether the extra ``fast`` is installed: the look-up's compiled twin gives the same answers sooner."""
    return importlib.util.find_spec("numba") is not None


def fast_from() -> int | None:
    """Return after how many flows the compiled twins of decoder and door are worth being compiled; None without them."""
    return _WORTH_COMPILING if _has_numba() else None
