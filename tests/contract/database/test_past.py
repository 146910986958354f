"""What is past its time is not there, whether it was deleted yet or not."""

from __future__ import annotations

import msgspec

from contract.database.places import NOW, case, event
from sekisho.language import Language
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import Database, SqlCases, SqlNotices
from sekisho.stores.database.case_lives import SqlLives
from sekisho.stores.database.expiry import Past, due


def test_cases_and_their_notices(database: Database) -> None:
    past = Past(untouched=NOW - 100, opened=NOW - 1000)
    times = {"fresh": (NOW - 900, NOW), "idle": (NOW - 900, NOW - 100), "long": (NOW - 1000, NOW)}
    every, notices = SqlCases(database), SqlNotices(database)
    for number, (name, (opened, updated)) in enumerate(times.items()):
        every.save(case(name, subscriber=number, opened=opened, updated=updated), [event(name)])
        notices.add([
            Notice(f"n-{name}", name, Channel.EMAIL, Language.JA, "x", "s", "b", "d", f"o-{name}", NoticeState.DRAFT, NOW, NOW,
                   message_id=f"<{name}>")
        ])  # fmt: skip
    seen, told = SqlCases(database, lambda: past), SqlNotices(database, lambda: past)
    assert [one.id for one in seen.find(CaseFilter()).cases] == ["fresh"]
    assert [name for name in times if seen.case(name)] == ["fresh"]
    assert sum(seen.counts().values()) == 1
    assert list(seen.of_lines(range(3))) == [0]
    assert list(SqlLives(database).of_lines(range(3))) == [0, 1, 2]
    assert [one.id for one in told.find(())] == ["n-fresh"]
    assert [one.id for one in told.find([NoticeState.DRAFT, NoticeState.SENT])] == ["n-fresh"]
    assert [name for name in times if told.notice(f"n-{name}")] == ["fresh"]
    assert [name for name in times if told.notice(f"<{name}>")] == ["fresh"]
    assert sum(told.counts().values()) == 1
    for one in notices.find(()):
        notices.change(msgspec.structs.replace(one, state=NoticeState.SENT, sent_at=NOW))
    assert [list(told.left(0, subscriber=line)) for line in range(3)] == [[NOW], [], []]
    assert [list(notices.left(0, subscriber=line)) for line in range(3)] == [[NOW]] * 3
    assert (list(told.left(0)), list(notices.left(0))) == ([NOW], [NOW] * 3)
    assert [one.id for one in told.untold(Channel.EMAIL, 0)] == ["n-fresh"]
    # Exactly the others are what the next deletion takes.
    assert due(database, past).cases == 2
    assert sum(every.counts().values()) == 3
