"""For programs that look after the server: is it alive, can it work, what has it counted.

``/healthz`` and ``/readyz`` are answered without a sign-in and tell nothing but words of a fixed list. ``/metrics``
asks for a token like the API: which routers send flows here is nobody else's business.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec
from starlette.responses import Response

from sekisho.errors import SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.stores.durable import write_all
from sekisho.web.asked import Asked
from sekisho.web.measures import MEDIA, Figures, added, exposed, series
from sekisho.web.page import Page, Route

if TYPE_CHECKING:
    from sekisho.wiring.console import Console

# Strangers may ask, so the disk and the database are asked at most so often for all of them.
_EVERY_S = 1.0
_ROOM = 65_536
_OK = "ok"


class Checks(msgspec.Struct, frozen=True):
    """Whether the console can work, and what keeps it from it: each ``ok`` or the word for what is wrong."""

    ready: bool
    database: str
    folder: str
    server: str


class _Last:
    def __init__(self) -> None:
        self.lock, self.at, self.checks = Lock(), 0.0, Checks(ready=False, database="", folder="", server="")


_LAST: WeakKeyDictionary[object, _Last] = WeakKeyDictionary()


def _alive(_: Asked) -> Response:
    return Response(b'{"alive":true}', media_type="application/json")


def _ready(asked: Asked) -> Response:
    last = _LAST.setdefault(asked.office.console, _Last())
    with last.lock:
        if time.monotonic() - last.at >= _EVERY_S or not last.at:
            last.checks, last.at = _checked(asked), time.monotonic()
        checks = last.checks
    if asked.office.leaving.begun:
        checks = msgspec.structs.replace(checks, ready=False, server="leaving")
    return Response(msgspec.json.encode(checks), 200 if checks.ready else 503, media_type="application/json")


def _checked(asked: Asked) -> Checks:
    console = asked.office.console
    database, folder = _database(console), _folder(console.folder)
    return Checks(database == folder == _OK, database, folder, _OK)


def _database(console: Console) -> str:
    try:
        console.database.answers()
    except SekishoError:
        return "no answer"
    return _OK


def _folder(folder: Path) -> str:
    """Write a little and throw it away: only that shows that the disk takes something."""
    file = folder / f".ready.{os.getpid()}"
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(opened, bytes(_ROOM))
            os.fsync(opened)
        finally:
            os.close(opened)
    except FileNotFoundError:
        return "gone"
    except OSError as error:
        return {28: "full", 122: "full"}.get(error.errno or 0, "not writable")
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    return _OK


def _metrics(asked: Asked) -> Response:
    office = asked.office
    now = Figures(
        _watched(asked),
        {
            "sekisho_workers": office.workers,
            "sekisho_start_time_seconds": office.began / 1000,
            **_watching(asked),
        },
    )
    return Response(exposed(added([office.figures(), now])), media_type=MEDIA)


def _watched(asked: Asked) -> dict[str, float]:
    watched = asked.office.console.watch.figures()
    found: dict[str, float] = {}
    for one in watched.counts() if watched else ():
        key = series("sekisho_watch_total", exporter=one.exporter, step=one.step.value, name=one.name)
        found[key] = found.get(key, 0) + one.count
    return found


def _watching(asked: Asked) -> dict[str, float]:
    watch = asked.office.console.watch
    watched = watch.figures()
    found = {"sekisho_watch_running": float(bool(watched and watched.running(asked.now)))}
    with suppress(SekishoError):  # a figure that nobody can tell now is left out, not made zero
        found["sekisho_watch_index_behind_octets"] = float(watch.behind())
    return found


PAGE = Page(
    "health",
    Text(ja="稼働", en="Health"),
    (
        Route("GET", "/healthz", _alive, Permission.OPEN, bare=True),
        Route("GET", "/readyz", _ready, Permission.OPEN, bare=True),
        Route("GET", "/metrics", _metrics, Permission.SEE),
    ),
)
