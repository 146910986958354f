"""Two invented accidents for the console: one that goes on, with documents of which one is signed, and one that is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sekisho.language import Language
from sekisho.model.accident import JAPAN
from sekisho.model.accident_record import Told
from sekisho.model.case_life import Actor
from sekisho.model.draft import Kind
from sekisho.model.incident import Service
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.wiring.console import Console

_OPERATOR = "見本ケーブルテレビ株式会社"


def accidents(console: Console, now: int) -> None:
    """Put them into the folder of the console; ``now`` in milliseconds."""
    analyst, sender = Actor("佐藤", "analyst"), Actor("鈴木", "sender")
    moment = datetime.fromtimestamp(now / 1000, UTC)
    desk = console.accidents
    over = desk.open(
        Told(About(title="音声交換設備の故障（見本）", report=Details(operator=_OPERATOR)), _over(moment)),
        analyst,
    )
    desk.draft(over, Kind.PERIODIC, Language.JA, JAPAN, analyst)
    running = desk.open(_running(moment), analyst)
    first = desk.draft(running, Kind.FIRST, Language.JA, JAPAN, analyst)
    desk.sign(running.id, first.kind, first.version, sender)
    more = running.told()
    users = Fact(
        moment - timedelta(minutes=5),
        What.USERS,
        "",
        Service.INTERNET,
        "東京都",
        45_000,
        52_000,
        "加入者系の集計",
    )
    known = desk.change(running, Told(more.about, (*more.facts, users)), analyst)
    desk.draft(known, Kind.FIRST, Language.JA, JAPAN, analyst)
    desk.draft(known, Kind.NOTICE, Language.JA, JAPAN, analyst)


def _running(moment: datetime) -> Told:
    now = moment.astimezone(JAPAN)
    report = Details(
        reported_at=f"{now:%Y-%m-%d %H:%M}", wholesale="いいえ", other="続報は1時間ごとに知らせる",
        operator=_OPERATOR, place="東京都千代田区 第一局", cause="認証サーバーのソフトウェア不具合（推定）",
        cause_class="設備要因：ソフトウェア不具合", measures="予備系への切替、接続できない利用者の再認証", outlook="17時ごろ",
    )  # fmt: skip
    about = About(title="認証サーバーの故障（見本）", areas_apart=True, target_minutes=90, report=report)
    facts = (
        _fact(moment, 75, What.DOWN, Service.INTERNET, "東京都", (41_000, 60_000), "監視"),
        _fact(moment, 70, What.KNOWN, None, "", None, "NOC"),
        _fact(moment, 62, What.DEGRADED, Service.VOICE_EMERGENCY, "千葉県", (12_000, 12_000), "監視"),
        _fact(moment, 48, What.TOLD, None, "", None, "ウェブ"),
        _fact(moment, 20, What.RESTORED, Service.VOICE_EMERGENCY, "", None, "試験呼"),
    )
    return Told(about, facts)


def _over(moment: datetime) -> tuple[Fact, ...]:
    then = moment - timedelta(days=9)
    return (
        _fact(then, 300, What.DOWN, Service.VOICE, "埼玉県", (8_200, 8_200), "監視"),
        _fact(then, 295, What.KNOWN, None, "", None, "NOC"),
        _fact(then, 150, What.RESTORED, Service.VOICE, "", None, "試験呼"),
    )


def _fact(
    moment: datetime, minutes: int, what: What, service: Service | None, area: str, users: tuple[int, int] | None, source: str
) -> Fact:  # fmt: skip
    least, most = users or (None, None)
    return Fact(moment - timedelta(minutes=minutes), what, "", service, area, least, most, source)
