"""Descriptions of terminals as they come from a browser: the checks of ``sekisho terminal check``, and some more.

Whoever may start an assessment in the console may not thereby run programs on its machine or read its files. So a
description that comes from a browser names no command, no file and no variable of the environment; one that does is
put into the folder by whoever has the machine.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.terminal import SecretRef, Terminal

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk

MOST_OCTETS = 200_000
_NAME = re.compile(r"[\w][\w.\- ]{0,79}\.toml")
# Lists of words that are no program of this machine. A list that isn't named here counts as one.
_WORDS = frozenset({"addresses", "sources", "guarded", "equivalents", "values"})
_FORBIDDEN = Text(
    ja="画面から送る機器記述には、命令・ファイル・環境変数を書けない",
    en="a description that comes from a browser names no command, file or environment variable",
)
_REMEDY = Text(
    ja="この計算機の terminals に直接置く",
    en="whoever has this machine puts it into its folder terminals",
)


class Kept(msgspec.Struct, frozen=True):
    """A description that is kept: its name, its digest, and the terminal without secrets (None when it is faulty)."""

    name: str
    digest: str
    terminal: Terminal | None
    fault: str = ""


class DescriptionDesk:
    """The descriptions below ``terminals``."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk) -> None:
        self._root = folder.folder / "terminals"
        self._folder = folder
        self._keeping = keeping

    def kept(self, name: str) -> Kept | None:
        """Return one; None when there is none of that name. No secret that it names is looked up or shown."""
        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        from sekisho.workflows.describe import read_table
        from sekisho.workflows.report import without_secrets

        try:
            return Kept(name, _digest(content), without_secrets(read_table(path, Terminal)))
        except DescriptionError as error:
            return Kept(name, _digest(content), None, error.where.removeprefix(f"{path}: "))

    def check(self, text: str) -> Terminal:
        """Return the terminal that a text describes. :raises DescriptionError: what is wrong, and where."""
        from sekisho.workflows.describe import read_table, read_terminal

        if len(text.encode("utf-8", "surrogatepass")) > MOST_OCTETS:
            raise DescriptionError(Text(ja="長すぎる", en="too long"), f"> {MOST_OCTETS}")
        # In a folder of its own: nothing that lies beside it can be meant.
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "terminal.toml"
            path.write_text(text, encoding="utf-8", errors="replace")
            try:
                reaching = list(_reaching(read_table(path, Terminal)))
                terminal = None if reaching else read_terminal(path, {})
            except DescriptionError as error:
                where = error.where.replace(f"{path}: ", "")
                raise DescriptionError(error.what, where, error.todo) from error
        if terminal is None:
            raise DescriptionError(_FORBIDDEN, "; ".join(reaching)[:500], _REMEDY)
        return terminal

    def put(self, name: str, text: str, who: Actor, *, replaces: str = "") -> Terminal:
        """Check a description and keep it; ``replaces`` is the digest of the one that it takes the place of.

        The one that is replaced stays in the folder ``replaced``, under its name and its digest.

        :raises DescriptionError: the name or the text is wrong, or what is there is whoever has the machine's
        :raises ConflictError: there is another one of that name meanwhile
        """
        path = self._path(name)
        terminal = self.check(text)
        held = path.read_bytes() if path.is_file() else b""
        if (_digest(held) if held else "") != replaces:
            raise ConflictError(
                Text(ja="同じ名前の別の機器記述がある", en="there is another description of that name"), name
            )
        from sekisho.wiring.whole_file import whole_file, whole_new_file

        if held:
            _not_ours(path, held)
        content = text.replace("\r\n", "\n").encode("utf-8", "replace")
        details = {"sha256": _digest(content), "replaces": replaces}
        self._keeping.record(who.name, who.role, "write-description", name, details=details)
        self._root.mkdir(mode=0o700, exist_ok=True)
        if held:
            before = self._root / "replaced"
            before.mkdir(mode=0o700, exist_ok=True)
            whole_file(before / f"{name}.{replaces[:16]}", held)
        (whole_file if replaces else whole_new_file)(path, content)
        return terminal

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise DescriptionError(
                Text(
                    ja="ファイル名は文字・数字・-_. と .toml", en="a name is letters, digits, -_. and .toml"
                ),
                name[:90],
            )
        return self._root / name


def _not_ours(path: Path, held: bytes) -> None:
    """Refuse to replace a description that only whoever has the machine can have put there, or mend."""
    from sekisho.workflows.describe import read_table

    try:
        reaching = list(_reaching(read_table(path, Terminal, held)))
    except DescriptionError:
        reaching = ["?"]  # it can't be told what it reaches into; no browser put it there
    if reaching:
        raise DescriptionError(
            Text(
                ja="この機器記述は、この計算機で置かれたものなので、画面からは置き換えられない",
                en="this description was put there on this machine; a browser doesn't replace it",
            ),
            "; ".join((path.name, *reaching))[:500],
            _REMEDY,
        )


def _reaching(terminal: Terminal) -> Iterator[str]:
    """Yield what of a description reaches into the machine that reads it."""
    yield from _walk(terminal, "")
    update = terminal.update
    if update is not None:
        images = msgspec.structs.asdict(update.images)
        yield from (f"update.images.{name}" for name, file in images.items() if file)
        if update.newest and update.newest.web and not _elsewhere(update.newest.web):
            yield "update.newest.web"
    for name, value in msgspec.structs.asdict(terminal.documents).items():
        # Judged by its form alone: whether there is such a file is not told.
        if value and not _elsewhere(value) and (name == "manual" or "/" in value or "\\" in value):
            yield f"documents.{name}"


def _walk(noun: msgspec.Struct, where: str) -> Iterator[str]:
    """Yield the commands and the secrets kept elsewhere, wherever they stand: a field that comes later is met as well."""
    for name, value in msgspec.structs.asdict(noun).items():
        place = f"{where}.{name}" if where else name
        if isinstance(value, SecretRef):
            if value.env or value.file:
                yield place
        elif isinstance(value, msgspec.Struct):
            yield from _walk(value, place)
        elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            for number, one in enumerate(value):
                yield from _walk(one, f"{place}[{number}]")
        elif (isinstance(value, tuple) and value and isinstance(value[0], str) and name not in _WORDS) or (
            name == "driver" and value == "command"
        ):
            yield place


def _elsewhere(value: str) -> bool:
    return value.startswith(("https://", "http://"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
