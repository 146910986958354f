"""Settings as an administrator sees and changes them: where each comes from, what it means, who changed it last.

A change replaces one line of ``watch.toml`` and leaves what people wrote around it. It is taken only when the file is
the one that was seen, reads as the settings with that one value changed, and the audit log has the entry.
"""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import msgspec

from sekisho.catalogues.handling import read_handling
from sekisho.errors import CatalogueError, ConflictError, DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.audit import AuditEntry
from sekisho.model.purpose import Stage
from sekisho.model.watching import Watching
from sekisho.stores.durable import replace
from sekisho.wiring.console import Console
from sekisho.wiring.lists import list_files
from sekisho.wiring.settings import SETTINGS, read_settings
from sekisho.wiring.settings_words import WORDS

CHANGE = "change-setting"
_KEEP = "keep."
_LOCK = ".watch.toml.lock"
_SHOWN = 500
_LEAST_HOURS, _HOURS = 0.25, 24 * 14
# Of user:password@host, and of libpq's parameters.
_PASSWORD = re.compile(r"(://[^:/@\s]*:|[?&](?:ssl)?password=)[^@&\s]*")
_BY_HAND = Text(
    ja="二人制は画面から切れない：一人の管理者の一押しで、二人目が要らなくなってはならない",
    en="four eyes aren't switched off in a browser: one admin alone must not do away with the second person",
)
_BY_WHOM = Text(
    ja="機械の管理者が watch.toml の four_eyes を直す",
    en="whoever administers the machine edits four_eyes in watch.toml",
)
_WRONG = Text(ja="この値にはできない", en="this value can't be")


class Setting(msgspec.Struct, frozen=True):
    """One setting.

    :ivar own: whether ``watch.toml`` says it; it is the default otherwise
    :ivar changed: the last change from a browser, None when there is none on record
    """

    name: str
    value: str
    default: str
    own: bool
    changed: AuditEntry | None

    @property
    def meaning(self) -> Text:
        """What it is."""
        return WORDS[self.name].meaning

    @property
    def form(self) -> str:
        """What is typed to change it; empty where it isn't changed here."""
        return WORDS[self.name].form

    @property
    def why_not(self) -> Text:
        """Why it isn't changed here."""
        return WORDS[self.name].why_not


class Proposed(msgspec.Struct, frozen=True):
    """A change before it is made: the lines that go and come, and what the file was that it was made for."""

    name: str
    before: str
    after: str
    lines: tuple[str, ...]
    revision: str
    text: str


class ListFile(msgspec.Struct, frozen=True):
    """A list of the settings: whether it can be read, how large it is, and when it was written (milliseconds)."""

    path: str
    there: bool
    octets: int = 0
    written: int = 0


class SettingsDesk:
    """The settings of one data folder."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._file = console.folder / SETTINGS

    @property
    def written(self) -> int:
        """When the file was written last (milliseconds); 0 when there is none."""
        return self._file.stat().st_mtime_ns // 1_000_000 if self._file.exists() else 0

    def settings(self, who: str = "") -> tuple[Setting, ...]:
        """Return all of them, as the file says now. :raises DescriptionError: the file is wrong."""
        held, raw, changes = read_settings(self._file), tomllib.loads(self._text()), self.changes(who)
        return tuple(
            Setting(
                name, _bare(said(getattr(held, name))), said(getattr(Watching(), name)), name in raw,
                changes.get(name),
            )
            for name in WORDS
        )  # fmt: skip

    def changes(self, who: str = "") -> Mapping[str, AuditEntry]:
        """Return the last change of each setting from a browser."""
        from sekisho.stores.database.audit_pages import AuditFilter

        entries = self._console.keeping.audit(AuditFilter(act=CHANGE), limit=_SHOWN, who=who)
        return {one.object: one for one in reversed(entries)}

    def propose(self, name: str, typed: str) -> Proposed:
        """Return what a change would do; nothing is changed. An empty number means the default.

        :raises DescriptionError: the setting isn't changed here, or the value can't be
        """
        held, text = read_settings(self._file), self._text()
        value = _value(name, typed)
        if name == "four_eyes" and held.four_eyes and value is False:
            raise DescriptionError(_BY_HAND, name, _BY_WHOM)
        wanted = _changed(held, name, value)
        after = _edited(text, name, value)
        try:
            understood = msgspec.convert(tomllib.loads(after), Watching)
        except ValueError:
            understood = None
        if understood != wanted:
            raise DescriptionError(
                Text(
                    ja="ファイルの書き方のため、画面からは変えられない",
                    en="the file is written in a way that a browser can't edit",
                ),
                SETTINGS,
                Text(ja="エディターで直す", en="edit it by hand"),
            )
        lines = difflib.unified_diff(text.splitlines(), after.splitlines(), lineterm="", n=1)
        return Proposed(
            name, _of(held, name), _of(wanted, name),
            tuple(one for one in lines if not one.startswith(("---", "+++"))), _revision(text), after,
        )  # fmt: skip

    def change(self, name: str, typed: str, revision: str, who: str, role: str) -> Proposed:
        """Change a setting that was seen in ``revision``; the entry of the audit log is there before.

        :raises ConflictError: somebody changed the file since
        :raises DescriptionError: as `propose`
        :raises StoreError: it can't be recorded or written; nothing is changed then
        """
        with self._alone():
            made = self.propose(name, typed)
            if made.revision != revision:
                raise ConflictError(
                    Text(
                        ja="その間に設定が変わったので、何も変えなかった",
                        en="the settings changed in between; nothing was done",
                    ),
                    SETTINGS,
                    Text(ja="もう一度見てから変える", en="look again, then change"),
                )
            details = {"before": made.before, "after": made.after}
            self._console.keeping.record(who, role, CHANGE, name, details=details)
            try:
                replace(self._file, made.text.encode())
            except OSError as error:
                raise StoreError(
                    Text(ja="設定を書けない", en="the settings can't be written"),
                    f"{SETTINGS}: {error.strerror}",
                ) from error
            self._console.reread()
        return made

    def lists(self) -> tuple[ListFile, ...]:
        """Return how the files of the lists stand."""
        return list_states(self._console.folder, read_settings(self._file))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        file = os.open(self._console.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _text(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8") if self._file.exists() else ""
        except (OSError, ValueError) as error:
            raise DescriptionError(
                Text(ja="監視の設定を読めない", en="the watch's settings can't be read"),
                f"{SETTINGS}: {error}",
            ) from error


def said(value: object) -> str:
    """Return a value in one line; empty for none."""
    built = msgspec.to_builtins(value)
    if isinstance(built, bool):
        return "true" if built else "false"
    if built is None:
        return ""
    if isinstance(built, dict):
        return ", ".join(f"{name} = {told}" for name, one in built.items() if (told := said(one)))
    if isinstance(built, list | tuple):
        return ", ".join(map(said, built))
    return f"{built:g}" if isinstance(built, float) else str(built)


def _bare(text: str) -> str:
    """Return a text without the passwords that a URL in it may hold."""
    return _PASSWORD.sub(r"\1***", text)


def _of(held: Watching, name: str) -> str:
    if name.startswith(_KEEP):
        return said(held.keep.get(name.removeprefix(_KEEP)))
    return said(getattr(held, name))


def _value(name: str, typed: str) -> object:
    """Return what was typed as the setting's own kind; None for the default."""
    form = "days" if name.startswith(_KEEP) else WORDS[name].form if name in WORDS else ""
    word = typed.strip()
    if form == "days":
        return _number(name, word, None) if word else None
    if form == "hours":
        hours = _number(name, word, _HOURS)
        if hours < _LEAST_HOURS:
            raise DescriptionError(
                _WRONG, f"{name}: {word} < {_LEAST_HOURS:g}",
                Text(ja="二人目が間に合わない", en="no second person would be in time"),
            )  # fmt: skip
        return hours
    if form == "yes" and word in ("true", "false"):
        return word == "true"
    if form == "addresses":
        try:
            return [str(ip_address(one)) for one in word.replace(",", " ").split()]
        except ValueError as error:
            raise DescriptionError(_WRONG, f"{name}: {error}") from error
    raise DescriptionError(
        Text(ja="この設定は画面から変えない", en="this setting isn't changed from a browser"), name[:60]
    )


def _number(name: str, word: str, most: float | None) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", word) or float(word) <= 0:
        raise DescriptionError(
            _WRONG, f"{name}: {word[:20]}", Text(ja="0 より大きい数", en="a number above zero")
        )
    if most is not None and float(word) > most:
        raise DescriptionError(_WRONG, f"{name}: {word} > {most:g}")
    return float(word)


def _changed(held: Watching, name: str, value: object) -> Watching:
    """Return the settings with one value changed. :raises DescriptionError: it is beyond the hard maximum."""
    if name.startswith(_KEEP):
        stage = name.removeprefix(_KEEP)
        keep = {one: days for one, days in held.keep.items() if one != stage}
        wanted = msgspec.structs.replace(held, keep=keep | ({} if value is None else {stage: value}))
    else:
        wanted = msgspec.structs.replace(held, **{name: tuple(value) if isinstance(value, list) else value})
    days = dict(wanted.keep) | ({} if wanted.days is None else {Stage.RAW_FLOW: wanted.days})
    try:
        read_handling(days)
    except CatalogueError as error:  # what was typed is wrong, not the catalogue
        raise DescriptionError(error.what, error.where, error.todo) from error
    return wanted


def _edited(text: str, name: str, value: object) -> str:
    """Return the file with one line replaced, added or taken out; tables and comments stay where they are."""
    key = name.removeprefix(_KEEP)
    line = "" if value is None else f"{key} = {_toml(value)}\n"
    own = re.compile(
        rf"^{re.escape(key)}[ \t]*=[ \t]*(\[[^\]]*\]|[^\n#\[]*?)[ \t]*(#[^\n]*)?\n", re.MULTILINE
    )
    text = text if not text or text.endswith("\n") else text + "\n"
    begin, end = _place(text, keep=name.startswith(_KEEP))
    if begin < 0:
        return f"{text}\n[keep]\n{line}" if line else text
    part = text[begin:end]
    edited, count = own.subn(lambda _: line, part, count=1)
    if not count:
        edited = f"{line}{part}" if name.startswith(_KEEP) else f"{part}{line}"
    return text[:begin] + edited + text[end:]


def _place(text: str, *, keep: bool) -> tuple[int, int]:
    """Return where the top of the file, or the table ``[keep]``, begins and ends; -1 when there is no such table."""
    tables = [
        (found.start(), found.end(), found[1])
        for found in re.finditer(r"^[ \t]*\[([^\[\]\n]+)\][^\n]*\n", text, re.MULTILINE)
    ]
    if not keep:
        return 0, tables[0][0] if tables else len(text)
    for number, (_, after, table) in enumerate(tables):
        if table.strip() == "keep":
            return after, tables[number + 1][0] if number + 1 < len(tables) else len(text)
    return -1, -1


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return f"{value:g}"


def _revision(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def list_states(folder: Path, settings: Watching) -> tuple[ListFile, ...]:
    """Return how the files of the lists stand: those of the settings, and those fetched into the data folder."""
    found = []
    for path in list_files(folder, settings, ()):
        name = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        try:
            facts = path.stat()
            readable = os.access(path, os.R_OK)
            found.append(ListFile(name, readable, facts.st_size, facts.st_mtime_ns // 1_000_000))
        except OSError:
            found.append(ListFile(name, there=False))
    return tuple(found)
