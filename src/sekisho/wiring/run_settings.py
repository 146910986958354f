"""What may be assessed from a console, as it is shown: what ``assess.toml`` says, what is usual, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.assess_run import RunRules

FILE = "assess.toml"
MEANINGS: Mapping[str, Text] = {
    "prefixes": Text(
        ja="評価してよいアドレス帯。書かなければ私設アドレス（RFC 1918、RFC 4193）",
        en="prefixes that may be assessed; private space (RFC 1918, RFC 4193) unless it names others",
    ),
    "public": Text(
        ja="評価してよい公開のアドレス帯。始める人も、公開のアドレスであることを確かめる",
        en="public prefixes that may be assessed, when whoever starts a run says that it is meant",
    ),
    "own": Text(
        ja="この計算機自身のアドレスのうち、評価してよいもの",
        en="which of this machine's own addresses may be assessed",
    ),
    "most_days": Text(ja="一つの許可の長さの上限（日）", en="how long one authorisation may last (days)"),
    "at_once": Text(ja="同時に行う実施の数", en="how many runs go at the same time"),
    "answer_seconds": Text(
        ja="質問が答えを待つ秒数。過ぎれば答えなし", en="seconds that a question waits; then it has no answer"
    ),
    "files": Text(ja="一つの答えに付けられるファイルの数", en="how many files an answer may have"),
    "file_octets": Text(
        ja="その一つの大きさの上限（オクテット）", en="how large each of them may be (octets)"
    ),
}


class RunSetting(msgspec.Struct, frozen=True):
    """One bound of runs; ``own`` says whether the file sets it."""

    name: str
    value: str
    default: str
    own: bool

    @property
    def meaning(self) -> Text:
        """What it is."""
        return MEANINGS[self.name]


class RunSettings(msgspec.Struct, frozen=True):
    """All of them. With ``fault`` the file can't be read: nothing may be assessed until it is mended.

    :ivar written: when the file was written last (milliseconds), 0 when there is none
    """

    settings: tuple[RunSetting, ...]
    written: int
    fault: DescriptionError | None = None


def run_settings(folder: Path) -> RunSettings:
    """Return the bounds of the runs of a data folder."""
    from sekisho.workflows.describe import read_table

    file, usual = folder / FILE, RunRules()
    if not file.is_file():
        return RunSettings(_rows(usual, frozenset()), 0)
    written = file.stat().st_mtime_ns // 1_000_000
    try:
        rules, named = read_table(file, RunRules), read_table(file, dict[str, object])
    except DescriptionError as error:
        # Named as people know it, without where this machine keeps it.
        told = DescriptionError(error.what, error.where.replace(f"{folder}/", ""), error.todo)
        return RunSettings((), written, told)
    return RunSettings(_rows(rules, frozenset(named)), written)


def _rows(rules: RunRules, named: frozenset[str]) -> tuple[RunSetting, ...]:
    usual = RunRules()
    return tuple(
        RunSetting(name, _said(getattr(rules, name)), _said(getattr(usual, name)), name in named)
        for name in MEANINGS
    )


def _said(value: object) -> str:
    return (
        ", ".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
    )
