"""A made accident for ``sekisho demo``: an outage of 75 minutes that still goes on, as its file of facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

_TEXT = """# 見本の事故 / an invented accident
title = "認証サーバーの故障（見本）"
target_minutes = 90
[report]
operator = "見本ケーブルテレビ株式会社"
cause = "認証サーバーのソフトウェア不具合（推定）"
measures = "予備系への切替"
"""


def write(folder: Path, now: datetime) -> Path:
    """Write the file into the new folder and return it."""
    folder.mkdir(parents=True)
    told = (
        (75, 'what = "down"\nservice = "internet"\narea = "東京都"\nusers = [41000, 60000]\nsource = "監視"'),
        (70, 'what = "known"\nsource = "NOC"'),
        (48, 'what = "told"\nsource = "ウェブ"'),
    )
    facts = [
        f"[[facts]]\ntime = {(now - timedelta(minutes=ago)).isoformat()}\n{words}\n" for ago, words in told
    ]
    file = folder / "accident.toml"
    file.write_text(_TEXT + "".join(facts), encoding="utf-8")
    return file
