"""Invented cases in every state, their notices, and an audit log; see `demo.console_day`."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from sekisho.language import Language
from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason
from sekisho.model.case_life import WATCH
from sekisho.model.detection import Detection, Grade
from sekisho.model.notice import Channel, Notice, NoticeState, text_digest
from sekisho.model.purpose import Purpose
from sekisho.stores.database import SqlAudit, open_sqlite
from sekisho.stores.database.case_lives import SqlLives
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.watch import Watch
from sekisho.workflows.cases import fold_detections

_DAY = 86_400_000
_AT_ONCE = 2_000
_FOLDED = 1_500
_MODELS = ("WR-100", "WR-200", "IPC-7", "DVR-4", "")
_FAMILIES = ("mirai", "gafgyt", "mozi", "hajime")
_HEALS = {"mirai": 5.0, "gafgyt": 9.0, "mozi": 22.0, "hajime": 14.0}
_STATES = (
    (CaseState.NEW, 14), (CaseState.CONFIRMED, 8), (CaseState.NOTIFIED, 18), (CaseState.ACKNOWLEDGED, 6),
    (CaseState.HEALED, 36), (CaseState.RELAPSED, 4), (CaseState.CLOSED, 14),
)  # fmt: skip
_TOLD = frozenset({CaseState.NOTIFIED, CaseState.ACKNOWLEDGED, CaseState.HEALED, CaseState.RELAPSED})
_ACTS = ("re-identify", "approve-notice", "export", "sign-in", "inventory", "refused")
_BODY = (
    "お客様の回線に接続された機器が、マルウェアに感染している疑いがあります（見本の文面）。\n"
    "機器の電源を入れ直し、ソフトウェアを最新のものにして、パスワードを変更してください。\n"
)


def people_and_cases(
    watch: Watch, chance: random.Random, found: Sequence[Detection], count: int, audit: int, now: int
) -> None:
    """Make the database: some cases folded from detections, others with a longer past; notices; an audit log."""
    database = open_sqlite(watch.folder / "cases.db")
    try:
        holdings = Holdings(watch)
        cases = holdings.cases(database, Purpose.NOTICE)
        fold_detections(cases, SqlLives(database).of_lines, found[:_FOLDED], window=7 * _DAY, at=now)
        told: list[Case] = []
        for first in range(0, count, _AT_ONCE):
            made = [_case(chance, number, now) for number in range(first, min(first + _AT_ONCE, count))]
            stored = cases.save_all([(one, _life(one)) for one in made])
            told += [one for one in stored if one.notified_at][: 500 - len(told)]
        holdings.notices(database, Purpose.NOTICE).add(_notices(chance, told, now))
        log = SqlAudit(database)
        for number in range(audit):
            act = chance.choice(_ACTS)
            log.append(
                chance.choice(("佐藤", "鈴木", "高橋")), "analyst", act, f"C{chance.randrange(max(count, 1)):06}",
                at=now - (audit - number) * 600_000, basis="consent-by-terms" if act == "re-identify" else "",
            )  # fmt: skip
    finally:
        database.close()


def _case(chance: random.Random, number: int, now: int) -> Case:
    states = [one for one, _ in _STATES]
    # The first ones make sure that every state is there.
    weighted = chance.choices(states, [weight for _, weight in _STATES])[0]
    state = states[number] if number < len(states) else weighted
    family = chance.choice(_FAMILIES)
    first = now - int(chance.random() * 120 * _DAY) - _DAY
    days = chance.expovariate(1 / _HEALS[family])
    last = min(now - chance.randrange(_DAY), first + int(days * _DAY))
    notified = min(first + chance.randrange(3 * _DAY), last) if state in _TOLD else 0
    closed = chance.choice([one for one in CloseReason if one is not CloseReason.MERGED])
    return Case(
        f"C{number:06}", 0x5F_0000_0000 + number, f"family:{family}", state,
        chance.choice((Grade.LIKELY, Grade.CONFIRMED)), first, max(last, notified), first, last,
        detections=chance.randint(1, 40), family=family, methods=("known_cc", "outbound_scan")[: chance.randint(1, 2)],
        assignee=chance.choice(("", "", "佐藤", "高橋")), device_model=chance.choice(_MODELS),
        channel=chance.choice(("email", "letter", "printing")) if notified else "", notified_at=notified,
        healed_at=last if state is CaseState.HEALED else 0, relapses=int(state is CaseState.RELAPSED),
        close_reason=closed.value if state is CaseState.CLOSED else "",
    )  # fmt: skip


def _life(case: Case) -> list[CaseEvent]:
    opened = CaseEvent(case.id, 0, case.opened, WATCH.name, "opened", {"key": case.key})
    body = {"from": CaseState.NEW.value, "to": case.state.value}
    step = CaseEvent(case.id, 0, case.updated, case.assignee or WATCH.name, "state", body)
    return [opened] if case.state is CaseState.NEW else [opened, step]


def _notices(chance: random.Random, told: Sequence[Case], now: int) -> list[Notice]:
    made = []
    for number, case in enumerate(told):
        state = list(NoticeState)[number % len(NoticeState)]
        subject = f"【重要】接続機器の確認のお願い（{case.family}）"
        digest = text_digest(Language.JA, subject, _BODY)
        approved = state not in {NoticeState.DRAFT, NoticeState.WITHDRAWN}
        gone = state in {NoticeState.SENT, NoticeState.DELIVERED, NoticeState.BOUNCED, NoticeState.FAILED}
        made.append(
            Notice(
                f"N{number:06}", case.id, Channel(case.channel), Language.JA, "mirai", subject, _BODY, digest,
                f"{case.id}/{case.family}/{case.channel}", state, case.opened, case.updated,
                approved_by="鈴木" if approved else "", approved_digest=digest if approved else "",
                approved_at=case.notified_at if approved else 0, message_id=f"<{number}@example.jp>" if gone else "",
                sent_at=case.notified_at if gone else 0, attempts=int(gone),
                withheld=chance.choice(("night", "opted-out", "throttled")) if state is NoticeState.WITHHELD else "",
                detail="5.1.1" if state is NoticeState.BOUNCED else "",
            )
        )  # fmt: skip
    return [msgspec.structs.replace(one, updated=min(one.updated, now)) for one in made]
