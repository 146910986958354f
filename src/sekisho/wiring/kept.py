"""What no expiry deletes: evidence, papers and records that people keep and people delete; told so that nobody is surprised."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.language import Text

if TYPE_CHECKING:
    from sekisho.stores.database import Database

TITLES: Mapping[str, Text] = {
    "assessments": Text(ja="評価とその証跡", en="assessments and their evidence"),
    "runs": Text(ja="画面から始めた実施の書類（だれが、どの許可で）", en="papers of runs started here (who, by which authorisation)"),
    "terminals": Text(ja="機器記述", en="descriptions of terminals"),
    "accidents": Text(ja="事故の記録・書類の版・署名", en="accidents, versions of their documents, signatures"),
    "duties": Text(ja="義務に書いたこと（事業場と人、証拠、自己点検、訓練、対策、教訓）の版", en="versions of what is written of duties (sites and people, proofs, self-checks, drills, measures, lessons)"),
}  # fmt: skip
RULES: Mapping[str, Text] = {
    "assessments": Text(
        ja="判定より長く残し、新しい基準で判定し直せるようにする。要らなくなったら、フォルダーごと人が消す",
        en="evidence outlives its judge, to be judged again by newer rules; somebody deletes the folder when it is no longer needed",
    ),
    "runs": Text(
        ja="評価のフォルダーを消すときに、同じ名前のフォルダーも人が消す",
        en="somebody deletes the folder of the same name together with that of the assessment",
    ),
    "terminals": Text(
        ja="置き換えた前の版も残る。人が消す",
        en="what was replaced is kept too; somebody deletes it",
    ),
    "accidents": Text(
        ja="加えるだけで、変えも消しもしない。通信も回線も含まない（人が書いた文は人が気をつける）。自社の人の名前は別の表にあり、そこで消える",
        en="only added to, never changed or deleted; nothing of a line or a communication is in them but what people write; "
        "names of own people stand in a table of their own and go there",
    ),
    "duties": Text(
        ja="加えるだけで、変えも消しもしない。自社の人の名前は別の表にあり、そこで消える（「義務」の「名前」）",
        en="only added to, never changed or deleted; names of own people stand in a table of their own and go there (Duties, Names)",
    ),
}


class Kept(msgspec.Struct, frozen=True):
    """One kind: how many there are, and since when (milliseconds, 0 when there is none); ``place`` within the data folder."""

    name: str
    place: str
    count: int
    oldest: int

    @property
    def title(self) -> Text:
        """What it is."""
        return TITLES[self.name]

    @property
    def rule(self) -> Text:
        """How long it stays, and who deletes it."""
        return RULES[self.name]


def kept(folder: Path, database: Database) -> Iterator[Kept]:
    """Yield each kind."""
    from sekisho.stores.database import SqlAccidents, SqlPapers

    for name in ("assessments", "runs", "terminals"):
        count, oldest = _of_folder(folder / name)
        yield Kept(name, f"{name}/", count, oldest)
    count, oldest = SqlAccidents(database).extent()
    place = "cases.db" if (folder / "cases.db").exists() else ""
    yield Kept("accidents", place, count, oldest)
    count, oldest = SqlPapers(database).extent()
    yield Kept("duties", place, count, oldest)


def _of_folder(folder: Path) -> tuple[int, int]:
    """Return how many things lie in a folder, and when the oldest was written last."""
    try:
        with os.scandir(folder) as entries:
            times = [one.stat().st_mtime_ns // 1_000_000 for one in entries if not one.name.startswith(".")]
    except FileNotFoundError:
        return 0, 0
    return len(times), min(times, default=0)
