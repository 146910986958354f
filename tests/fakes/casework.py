"""A real data folder with casework in it: detections with their flow rows, cases in all states, notices, an audit log."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import event

from fakes.console import quick
from sekisho.formats.flow_rows import line_text
from sekisho.language import Language
from sekisho.model import case_life
from sekisho.model.case import Case, CaseState, CloseReason
from sekisho.model.case_folding import fold_line
from sekisho.model.case_healing import healed
from sekisho.model.case_life import Actor, Change, Life
from sekisho.model.detection import Detection, Grade
from sekisho.model.identity import Person, Role
from sekisho.model.notice import Channel
from sekisho.ports.cases import CaseFilter
from sekisho.web.installation import office_of
from sekisho.web.office import Office
from sekisho.web.serving import Listening
from sekisho.wiring.casebook import Casebook
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.noticing import Noticing
from sekisho.wiring.watch import Watch
from sekisho.workflows import notify

HOUR, DAY = 3_600_000, 86_400_000
ANALYST = Actor("田中 太郎", "analyst")
SENDER = Person("佐藤 花子", Role.SENDER)
NOTICES = """
[operator]
name = { ja = "見本通信株式会社", en = "Mihon Telecom" }
telephone = "0120-000-0000"
hours = { ja = "平日9時から18時", en = "weekdays 9:00 to 18:00" }
page = "https://www.isp.example/notices"
sender = "security@isp.example"
return_address = ["〒999-0000 見本県見本市1-2-3"]
[quiet]
begin = "00:00"
end = "00:00"
weekends = false
holidays = false
[smtp]
host = "127.0.0.1"
port = 9
security = "none"
"""
_FAMILIES = ("mirai", "gafgyt", "mozi", "")
_MODELS = ("RT-500 v2", "CAM-81", "")


def detection(
    line: int, at: int, name: str, family: str = "mirai", grade: Grade = Grade.CONFIRMED
) -> Detection:
    """One detection ending at a moment, with the flow rows that show it."""
    remote = f"203.0.113.{line % 200 + 1}"
    rows = tuple(
        {
            "sourceAddress": line_text(line), "destinationAddress": remote, "sourceTransportPort": 40_000 + n,
            "destinationTransportPort": 48101, "protocolIdentifier": 6, "packetDeltaCount": 4 + n,
            "octetDeltaCount": 240 + 60 * n, "flowStartMilliseconds": at - 60_000 + 5000 * n,
            "flowEndMilliseconds": at - 59_000 + 5000 * n, "subscriber": line, "subscriberSide": 1,
        }
        for n in range(5)
    )  # fmt: skip
    if family:
        return Detection(
            f"{name}{line:x}", "known_cc", line, at - 60_000, at, grade, "established",
            {"family": family, "remote": f"{remote}:48101", "talks": 5, "sent": 1200, "received": 980, "entry": remote, "list": "cc.csv"},
            family, (f"{remote}:48101/tcp",), 1, rows, len(rows), 1, ("cc.csv",),
        )  # fmt: skip
    return Detection(
        f"{name}{line:x}", "outbound_scan", line, at - 60_000, at, Grade.LIKELY, "horizontal-iot",
        {"seconds": 60, "targets": 812, "port": 23, "share": 97, "threshold": 100}, "", (f"{remote}:23/tcp",), 812,
        rows, 812, 512,
    )  # fmt: skip


def small(folder: Path) -> dict[str, str]:
    """Make a folder with a few cases that can be worked on, some notices; return case ids by what they are."""
    with Watch(folder):
        pass
    (folder / "notices.toml").write_text(NOTICES, encoding="utf-8")
    now = milliseconds()
    lines = {"new": 0x6440003F, "confirmed": 0x1A2B, "other": 0x77}
    found = [
        detection(lines["new"], now - 3 * HOUR, "a"), detection(lines["new"], now - 2 * HOUR, "b"),
        detection(lines["confirmed"], now - 5 * HOUR, "a", "gafgyt"), detection(lines["other"], now - HOUR, "a", ""),
    ]  # fmt: skip
    with Casebook(folder, create=True) as book:
        book.watch.remember(found)
        book.fold()
        ids = {name: next(iter(book.every(CaseFilter(subscriber=line)))).id for name, line in lines.items()}
        book.save(case_life.step(book.life(ids["confirmed"]).case, CaseState.CONFIRMED, ANALYST, now - HOUR))
    with Noticing(folder) as desk:
        made = notify.draft(
            [ids["confirmed"]], SENDER, desk.office(SENDER.name), channel=Channel.EMAIL, language=Language.JA
        )
    ids["notice"] = made.notices[0].id
    return ids


class Made:
    """A small folder that was made once, for copies of it: making one takes seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids: dict[str, str] = {}

    def copied(self, folder: Path) -> dict[str, str]:
        """Return the ids of `small` in a copy of one's own."""
        self._ids = self._ids or small(self._folder)
        shutil.copytree(self._folder, folder)
        return dict(self._ids)


def large(folder: Path, count: int = 60) -> None:
    """Make a folder with many cases over some months, in all states, with notices in most states."""
    small(folder)
    chance, now = random.Random(7), milliseconds()
    with Casebook(folder, create=True) as book:
        for number in range(count):
            _one_life(book, number, chance, now)
        recent = [detection(0x9000 + n, now - n * HOUR, "r", _FAMILIES[n % 4]) for n in range(6)]
        book.watch.remember(recent)
        book.fold()
    with Noticing(folder) as desk:
        office = desk.office(SENDER.name)
        with Casebook(folder) as book:
            page = book.store.find(CaseFilter(states=(CaseState.CONFIRMED,)), limit=12).cases
        made = notify.draft([one.id for one in page], SENDER, office, channel=Channel.EMAIL).notices
        made += notify.draft(
            [page[0].id], SENDER, office, channel=Channel.LETTER, language=Language.EN
        ).notices
        for one in made[:3]:
            notify.approve(one.id, one.digest, SENDER, office)
        notify.withdraw(made[3].id, SENDER, "誤検知だった", office)
        notify.revise(
            made[4].id,
            made[4].subject,
            made[4].body.replace("ルーター", "ルーター（白い箱）"),
            SENDER,
            office,
        )
        office.notices.change(
            msgspec.structs.replace(office.notice(made[5].id), state="sending", approved_by=SENDER.name)
        )


def _one_life(book: Casebook, number: int, chance: random.Random, now: int) -> None:
    """Live one case from its first detection to where it stands."""
    line, family = 0x4000 + number * 37, _FAMILIES[number % 4]
    begin = now - chance.randrange(80, 140) * DAY
    length = chance.randrange(1, 18 if number % 4 == 1 else 60)
    found = [
        detection(line, begin + chance.randrange(length) * DAY + n * HOUR, f"h{n}", family)
        for n in range(chance.randrange(1, 9))
    ]
    case = _folded(book, [], found, begin)
    case = _set(book, case, device_model=_MODELS[number % 3], channel=("email", "letter", "")[number % 3])
    if number % 9 == 8:
        return
    case = _step(book, case, CaseState.CONFIRMED, Actor(ANALYST.name, "analyst"), begin + DAY // 2)
    if number % 7 == 6:
        book.save(case_life.close(case, CloseReason.FALSE_ALARM, ANALYST, begin + DAY, "検査機器だった"))
        return
    if number % 5:
        case = _step(book, case, CaseState.NOTIFIED, Actor("佐藤 花子", "sender"), begin + DAY)
    if number % 5 == 2:
        case = _step(book, case, CaseState.ACKNOWLEDGED, Actor("佐藤 花子", "sender"), begin + 2 * DAY)
        life = book.life(case.id)
        (case,) = book.save(
            case_life.comment(
                life.case, "電話があった。再起動して更新したとのこと。", ANALYST, begin + 2 * DAY
            )
        )
        (case,) = book.save(case_life.assign(case, ANALYST.name, ANALYST, begin + 2 * DAY))
    if number % 5 in (1, 2, 3):
        done = healed(case, max(case.last_seen, case.updated) + 5 * DAY, 5)
        assert done is not None
        (case,) = book.save(done)
        if number % 11 == 3:
            life = book.life(case.id)
            again = detection(line, max(case.last_seen, case.updated) + 3 * DAY, "again", family)
            book.save(*fold_line([life], [again], window=DAY, at=again.end + HOUR))


def _folded(book: Casebook, lives: list[Life], found: list[Detection], at: int) -> Case:
    changes = fold_line(lives, found, window=DAY, at=at)
    return book.save(*changes)[0]


def _set(book: Casebook, case: Case, **fields: str) -> Case:
    return book.save(Change(msgspec.structs.replace(case, **fields), ()))[0]


def _step(book: Casebook, case: Case, to: CaseState, actor: Actor, at: int) -> Case:
    return book.save(case_life.step(case, to, actor, at))[0]


@contextmanager
def queries(office: Office) -> Iterator[list[str]]:
    """Collect the statements that the console's database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            asked.append(statement)

    engine = office.console.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def office_over(folder: Path) -> Iterator[Office]:
    """Open a console over a folder that is there."""
    with Console(folder) as console:
        yield quick(office_of(console, Listening(port=8443)))
