"""kill -9 in the middle of a batch: nothing twice, nothing lost in silence. A real mail server, a real database."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fakes.command import Running
from fakes.mail_server import MailServer
from fakes.notices import HANAKO, MORNING, Directory, by_mail, office, settings, with_cases
from sekisho.model.notice import Channel, NoticeState
from sekisho.wires.smtp import SmtpCarrier
from sekisho.workflows.notify import approve, draft, send, settle

TESTS = Path(__file__).resolve().parents[3]
# What runs in the process that is killed.
HEAD = f"""
import os, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from fakes.notices import HANAKO, MORNING, Directory, by_mail, office, settings
from sekisho.wires.smtp import SmtpCarrier
from sekisho.workflows.notify import send
made = office(Path(sys.argv[1]), lambda: MORNING, settings(int(sys.argv[2])))
real = SmtpCarrier(made.settings.smtp, "security@isp.example")
"""
SENDER = """
with real as carrier:
    for one in send(HANAKO, by_mail(Directory(), carrier), made):
        print(one.what, flush=True)
"""
# A carrier in whose hands the process dies: before the first octet leaves, or right after the server took it.
DYING = """
class Fatal:
    def deliver(self, payload, recipient, identifier):
        if sys.argv[3] == "after":
            assert real.deliver(payload, recipient, identifier).state == "accepted"
        os.kill(os.getpid(), signal.SIGKILL)

list(send(HANAKO, by_mail(Directory(), Fatal()), made))
"""
# So many are approved one by one, each with its record.
FEW = 200


def states(folder: Path) -> dict[str, set[str]]:
    """What the file says, without our own store's help."""
    found: dict[str, set[str]] = {}
    with closing(sqlite3.connect(folder / "cases.db")) as file:
        for state, message in file.execute("SELECT state, message_id FROM notices"):
            found.setdefault(state, set()).add(message)
    return found


def approve_all(folder: Path) -> None:
    """Write what `approve` leaves for drafts, of all at once: how a person approves is looked at elsewhere."""
    with closing(sqlite3.connect(folder / "cases.db")) as file, file:
        file.execute(
            "UPDATE notices SET state = 'approved', approved_by = ?, approved_digest = digest, approved_at = ?",
            (HANAKO.name, MORNING),
        )


def run(folder: Path, count: int, kills: int) -> None:
    draw = random.Random(20261121)
    made = office(folder, lambda: MORNING)
    drafts = draft(with_cases(made, count), HANAKO, made, channel=Channel.EMAIL).notices
    assert len(drafts) == count
    if count > FEW:
        approve_all(folder)
    else:
        for one in drafts:
            approve(one.id, one.digest, HANAKO, made)
    server = MailServer(folder)
    try:
        killed = 0
        while True:
            process = Running(HEAD + SENDER, (folder, server.port))
            assert process.stdout is not None
            if killed < kills:
                # Killed after some notices of this run, at any point of the next one.
                wanted = draw.randrange(1, max(2, count // kills))
                for _ in range(wanted):
                    if not process.stdout.readline():
                        break
                time.sleep(draw.random() * 0.012)
                process.send_signal(signal.SIGKILL)
                process.communicate(timeout=60)
                killed += 1
                check(folder, server, count)
                continue
            process.communicate(timeout=600)
            assert process.returncode == 0
            break
        check(folder, server, count)
        found = states(folder)
        assert not found.get("approved")
        assert killed == kills
        # Nobody's outcome is lost: each one left over is shown, and a person settles it.
        left = made.notices.find((NoticeState.SENDING,), limit=1000)
        assert len(left) <= kills
        asked = [one for one in send(HANAKO, by_mail(Directory(), None), made) if one.what == "asked"]
        assert {one.notice.id for one in asked} == {one.id for one in left}
        taken = {one["id"] for one in server.taken()}
        for one in left:
            settle(one.id, HANAKO, made, sent=one.message_id in taken)
        print(f"{count} notices, {kills} kills, {len(left)} asked, {len(taken)} taken")
    finally:
        server.stop()


@pytest.mark.parametrize(("moment", "arrived"), [("before", 0), ("after", 1)])
def test_killed_between_the_journal_and_the_outcome(tmp_path: Path, moment: str, arrived: int) -> None:
    """Whether it arrived can't be told from here: so it is asked in both cases, and never sent again by itself."""
    made = office(tmp_path, lambda: MORNING)
    (one,) = draft(with_cases(made, 1), HANAKO, made, channel=Channel.EMAIL).notices
    approve(one.id, one.digest, HANAKO, made)
    server = MailServer(tmp_path)
    try:
        process = Running(HEAD + DYING, (tmp_path, server.port, moment))
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert len(server.taken()) == arrived
        with SmtpCarrier(settings(server.port).smtp, "security@isp.example") as carrier:
            for _ in range(2):
                said = [step.what for step in send(HANAKO, by_mail(Directory(), carrier), made)]
                assert said == ["asked"]
            assert len(server.taken()) == arrived
            # A person looks into the server's log and says what became of it.
            settle(one.id, HANAKO, made, sent=bool(arrived))
            said = [step.what for step in send(HANAKO, by_mail(Directory(), carrier), made)]
        assert said == ([] if arrived else ["sent"])
        assert len(server.taken()) == 1
        assert made.notices.notice(one.id).state is NoticeState.SENT
        assert made.cases.case(one.case).state.value == "notified"
    finally:
        server.stop()


def check(folder: Path, server: MailServer, count: int) -> None:
    found = states(folder)
    assert sum(map(len, found.values())) == count
    assert found.keys() <= {"approved", "sending", "sent"}
    times = Counter(one["id"] for one in server.taken())
    assert not [one for one, number in times.items() if number > 1], "a notice arrived twice"
    taken = set(times)
    assert found.get("sent", set()) <= taken, "said to be sent, and never arrived"
    assert not found.get("approved", set()) & taken, "arrived, and would go again"
    assert taken <= found.get("sent", set()) | found.get("sending", set())


def test_killed_in_a_small_batch(tmp_path: Path) -> None:
    run(tmp_path, 120, 6)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_in_a_batch_of_ten_thousand(tmp_path: Path) -> None:
    run(tmp_path, 10_000, 20)
