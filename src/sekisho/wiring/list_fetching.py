"""Marries the fetching of lists of known C&C: a TAXII 2.1 collection or a MISP feed becomes a list of the data folder.

The list before stays until a whole one came that has something to use: a server that breaks off, or was emptied by
whoever got into it, takes no known C&C away. What is taken back by name goes all the same: when the server revokes each
single entry of the list before (or its time is over), the list is empty, and that is an answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from sekisho.catalogues.popular_services import popular_services
from sekisho.errors import DescriptionError, PeerFailure
from sekisho.exchange.bounded_http import HttpBounds
from sekisho.exchange.guards import Guards, guard
from sekisho.exchange.lists import Limits, Reading
from sekisho.exchange.lists.own import Kept, Origin, written
from sekisho.exchange.misp_client import Feed, FeedBounds, fetch_feed, folder_feed
from sekisho.exchange.taxii_client import Bounds, Collection, poll, read_poll
from sekisho.language import Text
from sekisho.model.watching import Watching
from sekisho.wiring.lists import FETCHED, limits_of, note_try
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.whole_file import whole_file

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEADER = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,4095}")
_MOST_HEADER = 8192


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to fetch: a TAXII API root and its collection, or a MISP feed's address or folder.

    :ivar name: what the list is called; its detections name it as their source
    :ivar authorisation: file whose one line is sent as ``Authorization``
    :ivar authority: PEM file of a certification authority of one's own
    :ivar seconds: all the time that it may take
    :ivar client: PEM file of one's own certificate with its key, which a TAXII server is shown
    """

    name: str
    taxii: str = ""
    collection: str = ""
    misp: str = ""
    authorisation: Path | None = None
    authority: Path | None = None
    seconds: float = 600.0
    client: Path | None = None


class Fetched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it went. ``written`` says whether there is a new list; else ``reason`` and ``detail`` say why not.

    ``used`` entries are in the list, ``left_out`` counts the others by reason, ``others`` are about something else than
    an address. ``retry_after``: seconds the server asks to wait. ``unnoted``: why it couldn't be noted that the try failed.
    """

    name: str
    file: str
    written: bool = False
    used: int = 0
    left_out: dict[str, int] = {}
    others: int = 0
    reason: str = ""
    detail: str = ""
    retry_after: int = 0
    unnoted: str = ""


def fetch_list(folder: Path, settings: Watching, asked: Asked) -> Fetched:
    """Fetch a list into a data folder, guarded as every list is; that it failed is noted beside it (`lists.list_ages`).

    :raises DescriptionError: a name that is none; the authorisation's file is no line, or others may read it
    :raises ReadingError: the address is no https one (nor http to loopback)
    """
    named(asked.name)
    done = _fetched(folder, settings, asked)
    unnoted = note_try(folder, asked.name, milliseconds(), done.reason, done.detail)
    return msgspec.structs.replace(done, unnoted=unnoted)


def named(name: str) -> str:
    """Return the name of a list. :raises DescriptionError: it is none, such as one that leads out of the folder."""
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            Text(ja="表の名前に使えない", en="not a name for a list"),
            name[:80],
            Text(ja="英数字と . _ - で64字まで", en="letters, digits, . _ -, 64 at most"),
        )
    return name


def _fetched(folder: Path, settings: Watching, asked: Asked) -> Fetched:
    file = folder / FETCHED / f"{asked.name}.json"
    fetch = _taxii if asked.taxii else _misp
    try:
        reading, retry, revoked = fetch(asked, limits_of(settings))
    except _BrokeOff as fault:
        return Fetched(
            asked.name, str(file), reason=fault.reason, detail=fault.detail, retry_after=fault.retry_after
        )
    kept = guard(reading.indicators, Guards(own=settings.customers, services=popular_services()))
    left_out = Counter(reading.reasons) + Counter(one.reason for one in kept.dropped)
    told = Fetched(
        asked.name, str(file), False, len(kept.kept), dict(left_out), reading.others, retry_after=retry
    )
    if not kept.kept and not _taken_back(file, revoked, milliseconds()):
        return msgspec.structs.replace(told, reason="nothing-to-use")
    origin = Origin(
        "taxii" if asked.taxii else "misp", asked.taxii or asked.misp, asked.collection, milliseconds(), len(kept.kept),
        dict(left_out), reading.others,
    )  # fmt: skip
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_file(file, written(origin, kept.kept))
    except OSError as error:
        return msgspec.structs.replace(told, reason="unwritable", detail=f"{file}: {error.strerror}")
    return msgspec.structs.replace(told, written=True)


def _taken_back(file: Path, revoked: frozenset[str], now: int) -> bool:
    """Say whether each entry of the list before was revoked by name, or is over by its own time.

    An empty answer alone says nothing: a server that lost its data gives the same one.
    """
    try:
        before = msgspec.json.decode(file.read_bytes(), type=Kept).indicators
    except (OSError, msgspec.DecodeError):
        return False
    over = [one.reference in revoked or 0 < one.valid_until <= now for one in before]
    return bool(revoked) and all(over)


class _BrokeOff(Exception):
    def __init__(self, reason: str, detail: str, retry_after: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.detail, self.retry_after = reason, detail, retry_after


def _taxii(asked: Asked, limits: Limits) -> tuple[Reading, int, frozenset[str]]:
    """Return what came, the seconds to wait, and what was taken back by name."""
    where = Collection(
        asked.taxii,
        asked.collection,
        authority=_text(asked.authority),
        authorisation=_header(asked.authorisation),
        client=_text(asked.client),
    )
    found = poll(where, bounds=Bounds(seconds=asked.seconds))
    if not found.complete:
        raise _BrokeOff(found.reason, found.detail, found.retry_after)
    revoked = frozenset(str(one.get("id")) for one in found.objects if one.get("revoked") is True)
    return read_poll(found, asked.name, limits), found.retry_after, revoked


def _misp(asked: Asked, limits: Limits) -> tuple[Reading, int, frozenset[str]]:
    bounds = FeedBounds(HttpBounds(seconds=asked.seconds))
    fetch: Callable[[], Reading]
    if "://" in asked.misp:
        feed = Feed(asked.misp, _header(asked.authorisation), _text(asked.authority))
        fetch = lambda: fetch_feed(feed, asked.name, limits, bounds)  # noqa: E731 - one of two ways
    else:
        fetch = lambda: folder_feed(Path(asked.misp), asked.name, limits, bounds)  # noqa: E731
    try:
        return fetch(), 0, frozenset()
    except PeerFailure as fault:
        raise _BrokeOff(fault.reason, fault.detail) from fault


def _text(path: Path | None) -> str:
    return str(path) if path else ""


def _header(file: Path | None) -> str:
    return "" if file is None else secret_line(file)


def secret_line(file: Path) -> str:
    """Return the one line of a file that its owner alone may read; it never appears in what is said.

    :raises DescriptionError: it can't be read, others may read it, or it isn't one line
    """
    octets = private(file)
    line = octets.decode("ascii", "replace").strip()
    if not _HEADER.fullmatch(line):
        raise DescriptionError(
            Text(ja="認証のファイルは一行でない", en="the file of the authorisation is not one line"),
            str(file),
            Text(ja="例：Bearer …、Basic …、MISPの鍵", en="such as Bearer …, Basic …, or a MISP key"),
        )
    return line


def private(file: Path) -> bytes:
    """Return the beginning of a file that its owner alone may read. :raises DescriptionError: it can't be read, or others may."""
    try:
        with file.open("rb") as source:
            mode, octets = file.stat().st_mode, source.read(_MOST_HEADER)
    except OSError as error:
        raise DescriptionError(
            Text(ja="認証のファイルを読めない", en="the file of the authorisation can't be read"),
            f"{file}: {error.strerror}",
        ) from error
    if mode & 0o077:
        raise DescriptionError(
            Text(
                ja="認証のファイルをほかの利用者が読める", en="others may read the file of the authorisation"
            ),
            str(file),
            Text(ja="chmod 600 とする", en="chmod 600"),
        )
    return octets
