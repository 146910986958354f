"""Marries the lists of known C&C servers with the guards against wrong and poisoned ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import msgspec

from sekisho.catalogues.popular_services import popular_services
from sekisho.errors import DescriptionError, ReadingError, StoreError
from sekisho.exchange.guards import Guards, guard
from sekisho.exchange.lists import Limits, Reading, read_list
from sekisho.exchange.lists.own import Origin
from sekisho.language import Text
from sekisho.model.indicator import Indicator
from sekisho.model.purpose import LegalBasis
from sekisho.model.watching import Watching
from sekisho.wiring.list_words import left_out_words
from sekisho.wiring.whole_file import whole_file

# Lists of a demonstration name addresses that RFC 5737 keeps for examples.
_DEMONSTRATION = frozenset({"documentation"})
# A pseudonym is one of the addresses of its prefix: fewer than 256 of them are too few to hide among.
_SMALL_4 = 24
# Folder, in the data folder, of the lists that were fetched.
FETCHED = "lists"
# Milliseconds after which a fetched list says too little of what was seen later: it is fetched every minute, or every day.
STALE_AFTER = 24 * 3_600_000
_TRIED = ".tried"


class ListAge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old a fetched list is. Times are milliseconds, 0 for never.

    :ivar tried: when the last try failed, and ``reason`` and ``detail`` why; 0 when it did not
    """

    name: str
    fetched: int
    entries: int
    tried: int = 0
    reason: str = ""
    detail: str = ""

    def stale(self, until: int) -> bool:
        """Say whether servers that became known before ``until`` may well be missing."""
        return until > self.fetched + STALE_AFTER


class ListsRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came out of the lists of C&C servers: entries used, by source; entries left out, by reason."""

    used: dict[str, int]
    rejected: dict[str, int]
    fetched: tuple[ListAge, ...] = ()


def list_files(folder: Path, settings: Watching, lists: Sequence[Path]) -> tuple[Path, ...]:
    """Return the settings' lists (relative ones lie in the data folder), those that were fetched into it, and ``lists``."""
    fetched = sorted((folder / FETCHED).glob("*.json"))
    return (*(folder / one for one in settings.lists), *fetched, *lists)


def note_try(folder: Path, name: str, at: int, reason: str = "", detail: str = "") -> str:
    """Note that fetching a list failed; without a reason, that it did not. Return why that couldn't be noted, if so.

    Where nothing can be kept (a full disk, a folder that may only be read) whoever looks later knows nothing of it.
    """
    file = folder / FETCHED / f"{name}{_TRIED}"
    try:
        if not reason:
            file.unlink(missing_ok=True)
            return ""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_file(file, msgspec.json.encode(ListAge(name, 0, 0, at, reason, detail[:300])))
    except OSError as error:
        return f"{file}: {error.strerror}"
    return ""


def forget_list(folder: Path, name: str) -> ListAge:
    """Delete a fetched list, and why the last try to fetch it failed; return what it was.

    :raises DescriptionError: there is neither
    :raises StoreError: it can't be deleted
    """
    found = next((one for one in list_ages(folder) if one.name == name), ListAge(name, 0, 0))
    files = [
        one for end in (".json", _TRIED) if (one := folder / FETCHED / f"{name}{end}").is_file()
    ]  # in this order: the half of it leaves "can't tell", not "nothing found"
    if not files:
        raise DescriptionError(
            Text(ja="その名前の取り込んだ表はない", en="no list of that name was fetched"),
            f"{folder / FETCHED}: {name}",
            Text(ja="名前は sekisho lists show が示す", en="sekisho lists show says the names"),
        )
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                Text(ja="表を消せない", en="the list can't be deleted"), f"{file}: {error.strerror}"
            ) from error
    return found


def list_ages(folder: Path) -> tuple[ListAge, ...]:
    """Return how old each fetched list is, and why the last try to fetch it failed."""
    found: dict[str, ListAge] = {}
    for file in sorted((folder / FETCHED).glob("*.json")):
        name = file.name.removesuffix(".json")
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            origin = msgspec.json.decode(file.read_bytes(), type=_Head).origin
            found[name] = ListAge(name, origin.fetched, origin.entries)
    for file in sorted((folder / FETCHED).glob(f"*{_TRIED}")):
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            tried = msgspec.json.decode(file.read_bytes(), type=ListAge)
            name = file.name.removesuffix(_TRIED)
            have = found.get(name, ListAge(name, 0, 0))
            found[name] = ListAge(name, have.fetched, have.entries, tried.tried, tried.reason, tried.detail)
    return tuple(found.values())


class ListShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list that the methods use, or would. Times are milliseconds, 0 for never.

    :ivar kind: ``taxii`` or ``misp`` where it was fetched; ``file`` where ``watch.toml`` names it; empty: nothing ever came
    :ivar place: where it is from: an address, or the file
    :ivar state: ``fresh``; ``stale``: fetched too long ago to say "nothing found" by; ``never`` fetched; ``there``: a file
        of one's own, of which nobody says how old it is; ``missing``; ``unreadable``
    """

    name: str
    kind: str
    place: str
    state: str
    fetched: int = 0
    entries: int = 0
    octets: int = 0
    tried: int = 0
    reason: str = ""
    detail: str = ""


def lists_shown(folder: Path, settings: Watching, now: int) -> tuple[ListShown, ...]:
    """Return every list of a data folder: those that were fetched, or were to be, then those of the settings."""
    ages = {one.name: one for one in list_ages(folder)}
    names = ages.keys() | {one.name.removesuffix(".json") for one in (folder / FETCHED).glob("*.json")}
    return (
        *(_fetched_shown(folder, ages.get(name, ListAge(name, 0, 0)), now) for name in sorted(names)),
        *(_own_shown(folder / one) for one in settings.lists),
    )


def _fetched_shown(folder: Path, age: ListAge, now: int) -> ListShown:
    file = folder / FETCHED / f"{age.name}.json"
    shown = ListShown(
        age.name, "", str(file), "never", age.fetched, age.entries,
        tried=age.tried, reason=age.reason, detail=age.detail,
    )  # fmt: skip
    if not file.is_file():
        there = file.exists() or file.is_symlink()
        return msgspec.structs.replace(shown, state="unreadable") if there else shown
    try:
        octets = file.read_bytes()
        origin = msgspec.json.decode(octets, type=_Head).origin
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.structs.replace(shown, state="unreadable")
    state = "stale" if age.stale(now) else "fresh"
    return msgspec.structs.replace(
        shown, kind=origin.kind, place=origin.address, state=state, octets=len(octets)
    )


def _own_shown(file: Path) -> ListShown:
    try:
        octets = file.stat().st_size
    except FileNotFoundError:
        return ListShown(file.name, "file", str(file), "missing")
    except OSError:
        return ListShown(file.name, "file", str(file), "unreadable")
    if file.is_dir():
        return ListShown(file.name, "file", str(file), "unreadable")
    return ListShown(file.name, "file", str(file), "there", octets=octets)


class _Head(msgspec.Struct, frozen=True):
    origin: Origin


def limits_of(settings: Watching) -> Limits:
    """Return how lists are read for these settings."""
    demo = settings.basis is LegalBasis.NOT_COMMUNICATION
    return Limits(allow=_DEMONSTRATION if demo else frozenset())


def indicators_of(
    folder: Path, settings: Watching, lists: Sequence[Path]
) -> tuple[tuple[Indicator, ...], ListsRead]:
    """Read the settings' lists and ``lists``, guard them, and return what may be used."""
    limits = limits_of(settings)
    found: list[Indicator] = []
    rejected: dict[str, int] = {}
    for path in list_files(folder, settings, lists):
        reading = read_list(
            path.read_bytes(),
            path.name.removesuffix(".json") if path.parent == folder / FETCHED else path.name,
            limits=limits,
        )
        if not reading.indicators and (reading.reasons or reading.others):
            # A feed may be empty for a day; one that holds nothing but faults is the wrong file.
            raise ReadingError(
                Text(ja="使えるC&Cの項目が一つもない", en="not one usable entry of a C&C server"),
                f"{path} ({reading.form})",
                _unusable(reading),
            )
        found += reading.indicators
        _add(rejected, reading.reasons)
    kept = guard(found, Guards(own=settings.customers, services=popular_services()))
    for one in kept.dropped:
        _add(rejected, {one.reason: 1})
    used: dict[str, int] = {}
    for indicator in kept.kept:
        _add(used, {indicator.source: 1})
    return kept.kept, ListsRead(used, rejected, list_ages(folder))


def _unusable(reading: Reading) -> Text:
    """Return what there was instead of entries of C&C servers."""
    left = left_out_words(reading.reasons)
    other = Text(
        ja=f"アドレスでないものについての項目 × {reading.others:,}",
        en=f"entries about something else than an address × {reading.others:,}",
    )
    every = [one for one, count in ((left, len(reading.reasons)), (other, reading.others)) if count]
    return Text(ja="、".join(one.ja for one in every), en=", ".join(one.en for one in every))


def telling_prefixes(settings: Watching) -> tuple[str, ...]:
    """Return the watched prefixes that are so small that a pseudonym within them hides hardly anybody."""
    most = {4: _SMALL_4, 6: settings.delegated - 8}
    nets = [ip_network(one) for one in settings.customers]
    return tuple(str(net) for net in nets if net.prefixlen > most[net.version])


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
