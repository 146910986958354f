"""Marries a release and the folder of installed ones: proven first, tried next, switched to last."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from sekisho import __version__
from sekisho.errors import AuthorisationError, DescriptionError, PeerFailure, Unreachable
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.formats.release import (
    MOST_HEAD,
    MOST_OCTETS,
    Release,
    ReleaseError,
    compose,
    order,
    read_head,
    read_release,
)
from sekisho.language import Text
from sekisho.stores.program_slots import ProgramSlots
from sekisho.wiring.whole_file import whole_new_file

T = TypeVar("T")
NAME = "sekisho"
_TRY_SECONDS = 60.0
_NOTICE = HttpBounds(quiet_seconds=10.0, seconds=30.0, page_octets=MOST_OCTETS, octets=MOST_OCTETS)
_REASONS = {
    "not-a-release": Text(ja="関所の更新ファイルでない", en="not a release of Sekisho"),
    "signature": Text(ja="信用する鍵による署名でない", en="not signed by a key that is trusted"),
    "key": Text(ja="Ed25519 の鍵（PEM）でない", en="not an Ed25519 key (PEM)"),
    "version": Text(ja="版の書き方が数字と点でない", en="the version is not of numbers and dots"),
    "incomplete": Text(ja="途中で切れている", en="it is cut short"),
    "altered": Text(ja="署名された中身と違う", en="its content is not what was signed"),
    "other-program": Text(ja="別のプログラムである", en="it is another program"),
    "older": Text(ja="入っている版より古い", en="older than the version that is installed"),
}


class Newest(msgspec.Struct, frozen=True):
    """What is installed, what the maker's signed notice calls the newest, and whether they are the same."""

    installed: str
    newest: str
    up_to_date: bool


def installed(folder: Path) -> str:
    """Return the version that the service runs: the one in ``folder``, or this program's own."""
    return ProgramSlots(folder).version() or __version__


def install(file: Path, folder: Path, keys: Iterable[Path], *, older: bool = False) -> Release:
    """Install a release for the next start of the service, after its signature and content were proven.

    :raises AuthorisationError: it is not one that may be installed; nothing was changed
    """
    told, wheel = _proven(lambda: read_release(_octets(file), [_octets(one) for one in keys]), str(file))
    if told.name != NAME:
        raise _refused("other-program", str(file))
    if not older and order(told.version) < order(installed(folder)):
        raise _refused("older", f"{told.version} < {installed(folder)}")
    slots = ProgramSlots(folder)
    place = slots.unpack(told.version, told.sha256, wheel)
    _tried(place, told.version)
    slots.switch(place)
    return told


def newest(place: str, folder: Path, keys: Iterable[Path]) -> Newest:
    """Compare what is installed with the maker's signed notice, a file or an https address.

    :raises AuthorisationError: nobody whom we trust has signed it
    """
    content = _fetched(place) if urlsplit(place).scheme in {"http", "https"} else _octets(Path(place))
    told, _ = _proven(lambda: read_head(content, [_octets(one) for one in keys]), place)
    if told.name != NAME:
        raise _refused("other-program", place)
    own = installed(folder)
    return Newest(own, told.version, order(own) >= order(told.version))


def sign(wheel: Path, version: str, private: Path, out: Path) -> int:
    """Write the signed release of a wheel, and beside it the notice of it; return the release's octets."""
    content = _proven(lambda: compose(NAME, version, _octets(wheel), _octets(private)), str(wheel))
    whole_new_file(out, content)
    head = b"\n".join(content[:MOST_HEAD].split(b"\n", 3)[:3]) + b"\n"
    whole_new_file(out.with_name(out.name + ".newest"), head)
    return len(content)


def _proven(read: Callable[[], T], where: str) -> T:
    try:
        return read()
    except ReleaseError as error:
        raise _refused(str(error), where) from error


def _refused(reason: str, where: str) -> AuthorisationError:
    return AuthorisationError(
        _REASONS[reason],
        where,
        Text(ja="入れなかった。今の版がそのまま動く", en="nothing was installed; what runs stays"),
    )


def _octets(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(MOST_OCTETS + 1)
    except OSError as error:
        raise DescriptionError(
            Text(ja="ファイルが読めない", en="the file can't be read"), f"{file}: {error.strerror}"
        ) from error


def _fetched(address: str) -> bytes:
    parts = urlsplit(address)
    try:
        connection = BoundedHttp(address, _NOTICE, {"Accept": "application/octet-stream"})
        try:
            response, body = connection.get(parts.path + (f"?{parts.query}" if parts.query else ""))
        finally:
            connection.close()
    except PeerFailure as failure:
        raise Unreachable(
            Text(ja="更新の知らせを取れない", en="the notice of releases can't be fetched"),
            f"{address}: {failure.reason}",
        ) from failure
    if response.status != 200:  # noqa: PLR2004 - OK
        raise Unreachable(
            Text(ja="更新の知らせがない", en="there is no notice of releases"),
            f"{address}: {response.status}",
        )
    return body


def _tried(place: Path, version: str) -> None:
    """Start the new program once, with the libraries that are here: every unit must load."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    for words in (["--version"], ["plugins"]):
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and the program that was just proven
                [sys.executable, "-m", "sekisho", *words],
                capture_output=True, text=True, env=environment, timeout=_TRY_SECONDS, check=False, cwd=place,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _unfit(version, f"{words[0]}: {_TRY_SECONDS:g} s") from error
        if done.returncode != 0 or (words == ["--version"] and version not in done.stdout):
            raise _unfit(version, (done.stderr or done.stdout)[-1000:])


def _unfit(version: str, said: str) -> DescriptionError:
    return DescriptionError(
        Text(ja="新しい版がこの機器で動かない", en="the new version does not run on this machine"),
        f"{version}: {said}",
        Text(
            ja="入れなかった。足りない部品（requirements）を先に入れる",
            en="nothing was installed; install what it needs (requirements) first",
        ),
    )
