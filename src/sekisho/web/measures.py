"""What the console counts of itself, in the text format of Prometheus (exposition format 0.0.4).

A series is named by its route's pattern, never by an address that was asked for, so neither a line nor a person can
stand in it, and their number is bounded. With several workers each counts for itself; who is asked adds up what the
others left in a folder of the server (`Gathered`), so one scrape tells of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread

import msgspec

FAMILIES: Mapping[str, tuple[str, str]] = {
    "sekisho_requests_total": ("counter", "Requests answered, by route, method and status."),
    "sekisho_request_seconds": ("histogram", "Time until an answer was sent, by route; live streams aside."),
    "sekisho_database_statements_total": ("counter", "Statements that requests asked of the database, by route."),
    "sekisho_store_errors_total": ("counter", "Requests that a store refused: database gone, disk full."),
    "sekisho_internal_errors_total": ("counter", "Requests that ended in an internal fault."),
    "sekisho_sign_in_refusals_total": ("counter", "Tries to sign in or to prove oneself that were refused, by status."),
    "sekisho_rate_limited_total": ("counter", "Requests refused because one source asked too often."),
    "sekisho_live_clients": ("gauge", "Browsers that watch a live page now."),
    "sekisho_requests_running": ("gauge", "Requests that are being answered now."),
    "sekisho_workers": ("gauge", "Processes that serve."),
    "sekisho_start_time_seconds": ("gauge", "When the server began, seconds of the Unix epoch."),
    "sekisho_watch_running": ("gauge", "1 while a watch of this data folder renews its figures."),
    "sekisho_watch_total": ("counter", "What each step of the watch counted, by exporter."),
    "sekisho_watch_index_behind_octets": ("gauge", "Octets of the log of detections that aren't indexed yet."),
}  # fmt: skip
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_EVERY = 1.0


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Series and their values: ``counters`` go on when a worker is replaced, ``gauges`` begin anew."""

    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}


def series(name: str, /, **labels: str | float) -> str:
    """Return a series as it is exposed; its labels in the order of their names."""
    if not labels:
        return name
    told = ",".join(f'{key}="{_escaped(str(value))}"' for key, value in sorted(labels.items()))
    return f"{name}{{{told}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Measures:
    """The counters of one process; every method may be called from any thread."""

    def __init__(self, before: Figures = Figures()) -> None:  # noqa: B008 - frozen
        """Begin with the counters of the worker in whose place this one came."""
        self._lock = Lock()
        self._counters = dict(before.counters)
        self._gauges: dict[str, float] = {}

    def count(self, name: str, by: float = 1, /, **labels: str | int) -> None:
        """Add to a counter."""
        key = series(name, **labels)
        with self._lock:
            self._counters[key] = self._counters.get(key, 0) + by

    def move(self, name: str, by: float, /, **labels: str | int) -> None:
        """Add to a gauge, or take from it."""
        key = series(name, **labels)
        with self._lock:
            self._gauges[key] = self._gauges.get(key, 0) + by

    def took(self, route: str, seconds: float) -> None:
        """Put the time of an answer into the histogram of its route."""
        name = "sekisho_request_seconds"
        keys = [series(f"{name}_bucket", route=route, le=f"{one:g}") for one in BUCKETS if seconds <= one]
        keys += [series(f"{name}_bucket", route=route, le="+Inf"), series(f"{name}_count", route=route)]
        total = series(f"{name}_sum", route=route)
        with self._lock:
            for key in keys:
                self._counters[key] = self._counters.get(key, 0) + 1
            self._counters[total] = self._counters.get(total, 0) + seconds

    def figures(self) -> Figures:
        """Return all of it as it stands now."""
        with self._lock:
            return Figures(dict(self._counters), dict(self._gauges))


def added(several: Iterable[Figures]) -> Figures:
    """Return the figures of several processes as those of one."""
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    for one in several:
        for held, given in ((counters, one.counters), (gauges, one.gauges)):
            for key, value in given.items():
                held[key] = held.get(key, 0) + value
    return Figures(counters, gauges)


def exposed(figures: Figures) -> str:
    """Return figures in the text format, each family with its help and type."""
    by_family: dict[str, list[tuple[str, float]]] = {}
    for key, value in (*figures.counters.items(), *figures.gauges.items()):
        by_family.setdefault(_family(key), []).append((key, value))
    lines: list[str] = []
    for name, (kind, help_) in FAMILIES.items():
        if name in by_family:
            lines += [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
            lines += [f"{key} {value:.10g}" for key, value in sorted(by_family[name], key=_order)]
    return "\n".join(lines) + "\n"


def _family(key: str) -> str:
    name = key.partition("{")[0]
    return next((name[: -len(end)] for end in ("_bucket", "_sum", "_count") if name.endswith(end)), name)


def _order(one: tuple[str, float]) -> tuple[str, float, str]:
    # The buckets of one route stand together, in the order of their bounds.
    key = one[0]
    bound = key.partition('le="')[2].partition('"')[0]
    rest = key.replace(f'le="{bound}",', "") if bound else key
    return rest, float(bound or 0), key


class Gathered:
    """The figures of all workers of one server: each leaves its own in a folder once a second while they change."""

    def __init__(self, folder: Path, worker: int) -> None:
        """Take the place of ``worker``; its counters go on where they were."""
        self._folder, self._file = folder, folder / f"{worker}.measures"
        self.measures = Measures(Figures(_left(self._file).counters))
        self._ended = Event()

    def start(self) -> None:
        """Begin to leave them, on a thread of its own."""
        Thread(target=self._leave, name="measures", daemon=True).start()

    def end(self) -> None:
        """Leave them once more; what is now (gauges) is over."""
        self._ended.set()
        self._write(Figures(self.measures.figures().counters))

    def __call__(self) -> Figures:
        """Return what all workers counted; of the others up to a second ago."""
        others = [_left(one) for one in self._folder.glob("*.measures") if one != self._file]
        return added([self.measures.figures(), *others])

    def _leave(self) -> None:
        before = Figures()
        while not self._ended.wait(_EVERY):
            now = self.measures.figures()
            if now != before:
                self._write(now)
                before = now

    def _write(self, figures: Figures) -> None:
        part = self._file.with_suffix(".part")
        with suppress(OSError):  # the figures get old; serving goes on
            part.write_bytes(msgspec.json.encode(figures))
            part.replace(self._file)


def _left(file: Path) -> Figures:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Figures)
    except (OSError, msgspec.MsgspecError):
        return Figures()
