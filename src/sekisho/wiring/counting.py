"""A member's counts for its hub: who agreed to them, what they are, and when each day was told.

On how many lines each of the hub's own indicators was seen, by the day, nothing of fewer than three lines. It is worked
out of the detections that name the hub's list; of other lists nothing is said. One file holds what was agreed and what
was told, so that who is killed between telling and noting tells the same day once more, which replaces itself there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sekisho.catalogues.sharing import sharing_rules
from sekisho.errors import DescriptionError, PeerFailure
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.exchange.lists.own import Kept
from sekisho.formats.endpoint_text import endpoint
from sekisho.language import Text
from sekisho.model.detection import Detection
from sekisho.model.indicator import Indicator
from sekisho.model.line_count import day_of, days_due
from sekisho.model.purpose import Purpose
from sekisho.stores.detection_log import DetectionLog
from sekisho.wiring.lists import FETCHED
from sekisho.wiring.whole_file import whole_file

FILE = "hub-counts.json"
#: A day is told when it has been over for so long: late flows are in by then.
SETTLED = 3_600_000
_AGAIN = 600_000
_KEPT_DAYS = 30
_AT_ONCE = 1_000
_BOUNDS = HttpBounds(quiet_seconds=20.0, seconds=60.0, page_octets=1 << 20, octets=4 << 20)
_DAY = 86_400_000

#: Day → indicator → lines.
Days = dict[str, dict[str, int]]


class Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That counts go to the hub at ``url``.

    :ivar since: when it was agreed (milliseconds); ``tried`` when telling last failed
    :ivar told: the last day that is settled there, told or with nothing to tell; ``sent`` what was told of the last days
    """

    url: str
    since: int
    told: str = ""
    tried: int = 0
    sent: Days = {}


class Telling(msgspec.Struct, frozen=True):
    """How it went: days that are told now, how many counts, and why not (empty: it went well, or nothing was due)."""

    days: tuple[str, ...] = ()
    counts: int = 0
    reason: str = ""
    detail: str = ""


def agreed(folder: Path, name: str, url: str) -> Agreed | None:
    """Return what was agreed about the hub behind a list; None for nothing, or when that was another hub."""
    found = _file(folder).get(name)
    return found if found and found.url == _place(url) else None


def agree(folder: Path, name: str, url: str, now: int) -> Agreed:
    """Write that counts may go to a hub from now on."""
    made = Agreed(_place(url), now)
    with _alone(folder):
        _write(folder, name, made)
    return made


def disagree(folder: Path, name: str) -> bool:
    """Write that no more counts go out; False when none did. What the hub was told ends there by its own time."""
    if name not in _file(folder):
        return False
    with _alone(folder):
        _write(folder, name, None)
    return True


def due(folder: Path, name: str, held: Agreed | None, now: int) -> Days:
    """Return what would be told now, the oldest day first; a day without any count has an empty table."""
    days = [day for day in days_due(now, SETTLED, 0) if not held or day > held.told]
    return line_counts(DetectionLog(folder / "detections.jsonl"), _listed(folder, name), name, days, now)


def line_counts(
    log: DetectionLog, indicators: Sequence[Indicator], name: str, days: Sequence[str], now: int
) -> Days:
    """Count the lines of each indicator and day; nothing of fewer than `Rules.k_lines` is in it.

    A detection counts on the days of its first and its last flow: of the days between nothing is known.
    """
    if not days:
        return {}
    named = _Named(indicators)
    lines: dict[str, dict[str, set[int]]] = {day: {} for day in days}
    for one in log.found(Purpose.CC_DETECTION, now):
        if name not in one.detection.sources:
            continue
        for day in {day_of(one.detection.begin), day_of(one.detection.end)} & lines.keys():
            for identifier in named.of(one.detection):
                lines[day].setdefault(identifier, set()).add(one.detection.subscriber)
    least = sharing_rules().k_lines
    return {
        day: {identifier: len(some) for identifier, some in sorted(cell.items()) if len(some) >= least}
        for day, cell in lines.items()
    }


def tell(
    folder: Path, name: str, url: str, way: Callable[[str], BoundedHttp], clock: Callable[[], int]
) -> Telling:
    """Tell the hub of the days that are due; nothing goes out unless it was agreed for this very hub.

    :param way: from an address to a connection that shows who asks
    """
    held, now = agreed(folder, name, url), clock()
    if held is None or 0 <= now - held.tried < _AGAIN:
        return Telling()
    if not [day for day in days_due(now, SETTLED, 0) if day > held.told]:
        return Telling()
    days, count = due(folder, name, held, now), 0
    told: list[str] = []
    for day, cell in days.items():
        try:
            _post(way, url, day, cell)
        except PeerFailure as fault:
            _noted(folder, name, msgspec.structs.replace(held, tried=now))
            return Telling(tuple(told), count, fault.reason, fault.detail)
        kept = {one: sent for one, sent in held.sent.items() if one > day_of(now - _KEPT_DAYS * _DAY)}
        held = msgspec.structs.replace(held, told=day, tried=0, sent=kept | ({day: cell} if cell else {}))
        told += [day] if cell else []
        count += len(cell)
        if not _noted(folder, name, held):
            break
    return Telling(tuple(told), count)


def body(day: str, cell: Mapping[str, int]) -> bytes:
    """Return the octets in which some counts of a day leave."""
    return msgspec.json.encode(
        {"counts": [{"indicator": name, "day": day, "lines": lines} for name, lines in cell.items()]}
    )


class _Named:
    """Which indicator a remote end is: one look for each length of prefix."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._there: dict[str, list[Indicator]] = {}
        for one in indicators:
            self._there.setdefault(one.network, []).append(one)
        self._lengths = {(one.net.version, one.net.prefixlen) for one in indicators}

    def of(self, detection: Detection) -> set[str]:
        return {
            one.reference
            for remote in detection.remotes
            for one in self._at(remote)
            if one.reference.startswith("indicator--")
        }

    def _at(self, remote: str) -> Iterable[Indicator]:
        with suppress(DescriptionError):
            end = endpoint(remote)
            net = ip_network(end.network)
            for version, length in self._lengths:
                if version == net.version and length <= net.prefixlen:
                    for one in self._there.get(str(net.supernet(new_prefix=length)), ()):
                        if one.port in (0, end.port) and one.protocol in (0, end.protocol):
                            yield one


def _post(way: Callable[[str], BoundedHttp], url: str, day: str, cell: Mapping[str, int]) -> None:
    """Send a day. :raises PeerFailure: not all of it was taken."""
    some = list(cell.items())
    for at in range(0, len(some), _AT_ONCE):
        http = way(url)
        try:
            answer, said = http.post("/counts/", body(day, dict(some[at : at + _AT_ONCE])))
        finally:
            http.close()
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise PeerFailure(f"status-{answer.status}", said.decode("utf-8", "replace")[:200])


def connection(header: str, authority: Path | None, client: Path | None) -> Callable[[str], BoundedHttp]:
    """Return how the hub is spoken to; ``header`` is sent as ``Authorization``."""
    shown = {"Authorization": header} if header else {}

    def way(url: str) -> BoundedHttp:
        parts = urlsplit(url)
        return BoundedHttp(
            f"{parts.scheme}://{parts.netloc}/", _BOUNDS, {"Content-Type": "application/json", **shown},
            str(authority) if authority else "", str(client) if client else "",
        )  # fmt: skip

    return way


def places(folder: Path, name: str) -> dict[str, str]:
    """Return which address and port each id of the hub's list stands for, for people to read."""
    return {
        one.reference: f"{one.network.removesuffix('/32')}{f':{one.port}' if one.port else ''}"
        for one in _listed(folder, name)
    }


def _listed(folder: Path, name: str) -> tuple[Indicator, ...]:
    """Return the hub's list as it was fetched last; none when there is none."""
    try:
        return msgspec.json.decode((folder / FETCHED / f"{name}.json").read_bytes(), type=Kept).indicators
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ()


def _place(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _file(folder: Path) -> dict[str, Agreed]:
    """Return what was agreed. :raises DescriptionError: the file can't be read: then nothing goes out."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Agreed])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DescriptionError(
            Text(ja="数の提供の控えが読めない", en="what was agreed about counts can't be read"),
            f"{file}: {error}",
            Text(ja="消すと、提供は止まる", en="without it no counts go out"),
        ) from error


def _noted(folder: Path, name: str, held: Agreed) -> bool:
    """Write what became of telling; False when it was ended meanwhile, or is another hub's now: that stays."""
    with _alone(folder):
        there = _file(folder).get(name)
        if there is None or there.url != held.url:
            return False
        _write(folder, name, held)
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let nobody else change the file between reading and writing it; the lock goes with a process that dies."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _write(folder: Path, name: str, made: Agreed | None) -> None:
    held = {one: value for one, value in _file(folder).items() if one != name}
    whole_file(folder / FILE, msgspec.json.encode(held | ({name: made} if made else {})))
