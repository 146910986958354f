"""Invented duties for the console: sites and people, proofs, a self-check, a drill that is over, measures after an accident."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec

from sekisho.model.accident import japan_day
from sekisho.model.case_life import Actor
from sekisho.model.compliance import Engineer, Installer, Operator, Site, State
from sekisho.model.lesson import Written
from sekisho.model.self_check import Answer, Status
from sekisho.model.timeline import Fact, What
from sekisho.wiring.console import Console

_ANALYST = Actor("佐藤", "analyst")


def duties(console: Console, now: int) -> None:
    """Put them into the folder of the console; ``now`` in milliseconds. It holds its accidents already."""
    today = japan_day(datetime.fromtimestamp(now / 1000, UTC))
    console.duties.say(_operator(today), 0, _ANALYST)
    late = next(one for one in console.duties.listed().entries if one.state is State.LATE and one.provable)
    console.duties.done(late.id, today - timedelta(days=20), "受付番号 2026-0412（見本）", _ANALYST)
    _check(console, today)
    _drill(console, now)
    _learn(console, today)


def _operator(today: date) -> Operator:
    year = timedelta(days=365)
    first = Site(
        "第一局", "東京都", "千代田区", today - 9 * year, lines=True, works=("digital", "isdn-basic")
    )
    second = Site("千葉局", "千葉県", "千葉市中央区", today + timedelta(days=40), lines=False)
    return Operator(
        "見本ケーブルテレビ株式会社", 45_000, True, None, (first, second),
        (
            Engineer("田中 一郎", "transmission", ("第一局", "東京都"), today - 2 * year, course=today - 2 * year),
            Engineer("高橋 二郎", "line", ("第一局",), today - timedelta(days=330)),
        ),
        (Installer("山田 三郎", "digital-1", ("第一局",)),),
    )  # fmt: skip


def _check(console: Console, today: date) -> None:
    """Answer some items of this year and of the one before."""
    desk = console.checks
    technical = next(one for one in desk.lists(desk.imported()[0]) if one.id == "technical").items
    day = today - timedelta(days=30)
    for number, item in enumerate(technical[:11]):
        status = (Status.DONE, Status.DONE, Status.PARTLY, Status.GAP)[number % 4]
        proof = f"試験記録 {number + 1}（見本）" if number % 4 == 0 else ""
        plan = "年度内に更新する" if status is Status.GAP else ""
        desk.answer(desk.this_year, Answer("technical", item, status, "鈴木", day, proof, plan), 0, _ANALYST)
        if number < len(technical) // 2:
            older = Answer("technical", item, Status.GAP if number % 3 else Status.DONE, "鈴木", day, proof)
            desk.answer(desk.this_year - 1, older, 0, _ANALYST)


def _drill(console: Console, now: int) -> None:
    """Keep a drill of last month that is over."""
    made = console.drills.start("authentication", "", 10, None, _ANALYST)
    begin = datetime.fromtimestamp(now / 1000, UTC) - timedelta(days=30)
    team = tuple(
        Fact(begin + timedelta(minutes=minutes / made.speed), what, "佐藤", source="佐藤", note=note)
        for minutes, what, note in (
            (6, What.KNOWN, ""), (22, What.TOLD, "ウェブの頁"), (71, What.TOLD, "ウェブの頁"), (78, What.REPORTED, "電話"),
        )
    )  # fmt: skip
    shift = begin - made.start
    over = msgspec.structs.replace(
        made, start=begin, team=team, stopped=begin + timedelta(minutes=11),
        facts=tuple(msgspec.structs.replace(one, time=one.time + shift) for one in made.facts),
    )  # fmt: skip
    console.drills.keep(over, 1, _ANALYST)


def _learn(console: Console, today: date) -> None:
    """Record measures after the accident that is over, one of them done, and a lesson."""
    over = next(one for one in console.accidents.find() if one.ended)
    desk = console.learning
    done = desk.add(over.id, "交換機の予備電源を毎月試験する", "鈴木", today - timedelta(days=2), _ANALYST)
    desk.done(done.id, today - timedelta(days=3), "試験記録 41（見本）", _ANALYST)
    desk.add(
        over.id, "監視の閾値を下げ、呼の失敗を5分で知らせる", "佐藤", today + timedelta(days=25), _ANALYST
    )
    written = Written(
        "交換設備の電源が落ち、予備に切り替わらなかった。監視は呼の失敗を見ていなかった。",
        "予備電源は切替まで試験する。装置の生死だけでなく、呼の成功率を監視する。",
    )
    console.lessons.write(over.id, written, 0, _ANALYST)
