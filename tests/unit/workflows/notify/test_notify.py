"""From a confirmed case to a notice that was sent, withheld or asked about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from fakes.mail_server import MailServer
from fakes.notices import (
    HANAKO,
    JST,
    MORNING,
    OPERATOR,
    Clock,
    Directory,
    by_mail,
    case,
    office,
    settings,
    with_cases,
)
from sekisho.errors import AuthorisationError, DescriptionError, RenderError
from sekisho.language import Text
from sekisho.model.case import CaseState
from sekisho.model.identity import Naming, Person, Role
from sekisho.model.notice import Channel, NoticeState
from sekisho.model.notifying import Operator, Quiet, Throttle
from sekisho.ports.cases import Delivery
from sekisho.wires.smtp import SmtpCarrier
from sekisho.workflows.notify import (
    alike,
    approve,
    draft,
    hand_over,
    revise,
    send,
    settle,
    take_back,
    withdraw,
)

HOUR = 3_600_000
TARO = Person("田中 太郎", Role.ANALYST)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=JST).timestamp() * 1000)


class Box:
    """A carrier that keeps what it is given and answers as told."""

    def __init__(self, *answers: Delivery) -> None:
        self.answers = list(answers)
        self.taken: list[tuple[bytes, str, str]] = []

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        self.taken.append((payload, recipient, identifier))
        return self.answers.pop(0) if self.answers else Delivery("accepted", "250 ok")


def approved(made, count: int = 1, channel: Channel = Channel.EMAIL):
    drafts = draft(with_cases(made, count), HANAKO, made, channel=channel).notices
    return [approve(one.id, one.digest, HANAKO, made) for one in drafts]


def said(steps) -> list[str]:
    return [one.what for one in steps]


@pytest.mark.parametrize("field", ["name", "telephone", "hours", "page", "sender"])
def test_no_words_are_made_up_for_the_operator(tmp_path: Path, field: str) -> None:
    empty = getattr(Operator(), field)
    made = office(tmp_path, Clock(), settings(operator=msgspec.structs.replace(OPERATOR, **{field: empty})))
    with pytest.raises(DescriptionError) as caught:
        draft(with_cases(made, 1), HANAKO, made, channel=Channel.EMAIL)
    assert f"operator.{field}" in caught.value.where
    assert not made.notices.find((), limit=1)


def test_only_confirmed_cases_once_a_day(tmp_path: Path) -> None:
    clock = Clock()
    made = office(tmp_path, clock)
    with_cases(made, 2)
    fresh = case(7, state=CaseState.NEW)
    made.cases.save(fresh, [])
    got = draft(["c000000", "c000001", fresh.id, "nothing"], HANAKO, made, channel=Channel.EMAIL)
    assert len(got.notices) == 2
    assert got.refused == {fresh.id: "not-confirmed", "nothing": "no-case"}
    assert draft(["c000000"], HANAKO, made, channel=Channel.EMAIL).refused == {"c000000": "there"}
    assert len(draft(["c000000"], HANAKO, made, channel=Channel.LETTER).notices) == 1
    clock.at += 24 * HOUR
    assert len(draft(["c000000"], HANAKO, made, channel=Channel.EMAIL).notices) == 1


def test_approval_is_of_exactly_this_text_by_somebody_who_may(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = draft(with_cases(made, 1), HANAKO, made, channel=Channel.EMAIL).notices
    for person in (TARO, Person("", Role.SENDER), Person("誰か", None)):
        with pytest.raises(AuthorisationError):
            approve(one.id, one.digest, person, made)
    with pytest.raises(AuthorisationError):
        approve(one.id, "0" * 64, HANAKO, made)
    approve(one.id, one.digest, HANAKO, made)
    changed = revise(one.id, one.subject, one.body + "追伸\n", TARO, made)
    assert (changed.state, changed.approved_by) == (NoticeState.DRAFT, "")
    box = Box()
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == []
    with pytest.raises(AuthorisationError):
        approve(one.id, one.digest, HANAKO, made)
    approve(one.id, changed.digest, HANAKO, made)
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == ["sent"]
    acts = [entry.act for entry in made.audit.entries()]
    assert acts.count("approve-notice") == 2
    assert acts.count("refused") == 5


def test_a_batch_of_one_text_is_approved_by_reading_it_once(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    with_cases(made, 3)
    other = case(8, last_seen=MORNING - 50 * HOUR)
    made.cases.save(other, [])
    drafts = draft(
        [case(0).id, case(1).id, case(2).id, other.id], HANAKO, made, channel=Channel.EMAIL
    ).notices
    one, two, three, day_before = drafts
    revise(two.id, two.subject, two.body + "追伸\n", HANAKO, made)
    assert [each.id for each in alike(one.id, made)] == [one.id, three.id]
    assert [each.id for each in alike(day_before.id, made)] == [day_before.id]


def test_a_text_changed_behind_the_approval_does_not_go(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    made.notices.change(msgspec.structs.replace(one, body="お支払いは次の口座へ"))
    box, directory = Box(), Directory()
    assert said(send(HANAKO, by_mail(directory, box), made)) == ["unapproved"]
    assert not box.taken
    assert not directory.asked
    assert made.notices.notice(one.id).state is NoticeState.DRAFT


def test_sent_the_case_is_notified(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    assert said(send(HANAKO, by_mail(Directory(), Box()), made, dry=True)) == ["would-send"]
    assert made.notices.notice(one.id).state is NoticeState.APPROVED
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["sent"]
    now = made.cases.case(one.case)
    assert (now.state, now.notified_at, now.channel) == (CaseState.NOTIFIED, MORNING, "email")
    assert made.cases.events(one.case)[-1].body["notice"] == one.id
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == []


def test_a_case_left_behind_by_a_dead_run_is_notified_by_the_next(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    made.notices.change(msgspec.structs.replace(one, state=NoticeState.SENT, sent_at=MORNING))
    list(send(HANAKO, by_mail(Directory(), Box()), made))
    assert made.cases.case(one.case).notified_at == MORNING


@pytest.mark.parametrize(
    ("moment", "why", "until"),
    [
        ("2026-11-19T08:59", "night", "2026-11-19T09:00"),
        ("2026-11-19T20:00", "night", "2026-11-20T09:00"),
        ("2026-11-20T23:00", "night", "2026-11-24T09:00"),  # a weekend and 勤労感謝の日 behind it
        ("2026-11-21T12:00", "weekend", "2026-11-24T09:00"),
        ("2026-11-23T12:00", "holiday", "2026-11-24T09:00"),
        ("2026-09-22T12:00", "holiday", "2026-09-24T09:00"),  # a day between two holidays
        ("2026-05-06T12:00", "holiday", "2026-05-07T09:00"),  # a substitute
        ("2028-03-01T12:00", "holidays-unknown", None),
    ],
)
def test_nights_and_holidays(tmp_path: Path, moment: str, why: str, until: str | None) -> None:
    made = office(tmp_path, Clock(at(moment)))
    approved(made)
    box = Box()
    (step,) = send(HANAKO, by_mail(Directory(), box), made)
    assert (step.what, step.why, step.until) == ("waits", why, at(until) if until else 0)
    assert not box.taken


def test_quiet_hours_are_settings(tmp_path: Path) -> None:
    chosen = settings(quiet=Quiet(begin="01:00", end="05:00", weekends=False, holidays=False))
    made = office(tmp_path, Clock(at("2026-11-22T23:30")), chosen)
    approved(made)
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["sent"]


def test_throttles(tmp_path: Path) -> None:
    clock = Clock()
    made = office(tmp_path, clock, settings(throttle=Throttle(per_hour=2, per_subscriber=1, days=7)))
    approved(made, 3)
    steps = list(send(HANAKO, by_mail(Directory(), Box()), made))
    assert said(steps) == ["sent", "sent", "waits"]
    assert (steps[-1].why, steps[-1].until) == ("throttled", MORNING + HOUR)
    # The store remembers the hour, not the process.
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["waits"]
    clock.at += HOUR
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["sent"]
    # A second notice of the same line within the week, over another case of it.
    other = case(900, subscriber=1000)
    made.cases.save(other, [])
    (one,) = draft([other.id], HANAKO, made, channel=Channel.EMAIL).notices
    approve(one.id, one.digest, HANAKO, made)
    clock.at += HOUR
    steps = list(send(HANAKO, by_mail(Directory(), Box()), made))
    assert (said(steps), steps[0].why) == (["waits"], "throttled")
    clock.at = MORNING + 7 * 24 * HOUR + HOUR
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["sent"]


def test_who_must_not_be_written_to(tmp_path: Path) -> None:
    made = office(tmp_path, Clock(), settings(do_not_contact=(1000,)))
    approved(made, 5)
    directory = Directory(
        {"c000001": {"do_not_contact": True}, "c000004": {"email": "not an address"}},
        {"c000002": Naming.OPTED_OUT, "c000003": Naming.AMBIGUOUS},
    )
    box = Box()
    steps = list(send(HANAKO, by_mail(directory, box), made))
    assert said(steps) == ["withheld"] * 5
    assert [one.why.split(":")[0] for one in steps] == [
        "do-not-contact", "do-not-contact", "opted-out", "not-identified", "no-address",
    ]  # fmt: skip
    assert "c000000" not in directory.asked
    assert not box.taken
    assert len(made.notices.find((NoticeState.WITHHELD,))) == 5


def test_what_the_server_says(tmp_path: Path) -> None:
    clock = Clock()
    made = office(tmp_path, clock)
    one, two, three = approved(made, 3)
    box = Box(
        Delivery("deferred", "451 later"), Delivery("refused", "550 no"), Delivery("unknown", "timed out")
    )
    steps = list(send(HANAKO, by_mail(Directory(), box), made))
    assert said(steps) == ["deferred", "refused", "unknown"]
    assert made.notices.notice(one.id).not_before == MORNING + 15 * 60_000
    assert made.notices.notice(two.id).state is NoticeState.FAILED
    assert made.notices.notice(three.id).state is NoticeState.SENDING
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == ["asked", "waits"]
    clock.at += HOUR
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == ["asked", "sent"]
    # The mail server's own receipt settles what nobody knew.
    assert take_back(receipt(three.message_id, "delivered", "2.0.0"), made).what == "delivered"
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == []
    assert len(box.taken) == 4


def receipt(message_id: str, action: str, status: str) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example\r
Subject: Delivery status\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
words\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; someone@customer.example\r
Action: {action}\r
Status: {status}\r
Diagnostic-Code: smtp; {status} words\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: {message_id}\r
\r
--b--\r
""".encode()


def test_bounces_find_their_notice_once(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    # Before it went out nobody can have bounced it: a forgery changes nothing.
    assert take_back(receipt(one.message_id, "failed", "5.1.1"), made).what == "unclear"
    list(send(HANAKO, by_mail(Directory(), Box()), made))
    assert take_back(receipt("<somebody@else>", "failed", "5.1.1"), made).what == "not-ours"
    assert take_back(receipt(one.message_id, "delayed", "4.4.1"), made).what == "noted"
    first = take_back(receipt(one.message_id, "failed", "5.1.1"), made)
    assert (first.what, first.notice.state) == ("bounced", NoticeState.BOUNCED)
    assert "5.1.1" in first.notice.detail
    assert take_back(receipt(one.message_id, "failed", "5.1.1"), made).what == "known"
    assert take_back(receipt(one.message_id, "delivered", "2.0.0"), made).what == "known"
    assert take_back(b"\xff\x00 nonsense", made).what == "unclear"


def test_withdrawn_and_settled(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    one, two = approved(made, 2)
    assert withdraw(one.id, TARO, "誤検出", made).state is NoticeState.WITHDRAWN
    with pytest.raises(DescriptionError):
        settle(two.id, HANAKO, made, sent=True)
    assert said(send(HANAKO, by_mail(Directory(), Box()), made)) == ["sent"]
    for act in (lambda: withdraw(two.id, TARO, "x", made), lambda: revise(two.id, "a", "b", TARO, made)):
        with pytest.raises(DescriptionError):
            act()


def test_two_senders_never_send_one_notice_twice(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    box = Box()

    class Late(Directory):
        """Between the look and the journal another sender takes the notice."""

        def __call__(self, identifier: str):
            made.notices.change(
                msgspec.structs.replace(made.notices.notice(one.id), state=NoticeState.SENDING)
            )
            return super().__call__(identifier)

    assert said(send(HANAKO, by_mail(Late(), box), made)) == ["taken"]
    assert not box.taken


def test_handed_over_as_a_file(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    approved(made, 3, Channel.PRINTING)
    kept = []

    def fails(_batch) -> str:
        raise RenderError(Text(ja="だめ", en="no"))

    with pytest.raises(RenderError):
        list(hand_over(HANAKO, Channel.PRINTING, Directory(), fails, made))
    assert len(made.notices.find((NoticeState.APPROVED,))) == 3
    made.now.at += HOUR

    def write(batch) -> str:
        assert all(made.notices.notice(one.notice.id).state is NoticeState.SENDING for one in batch)
        kept.extend(batch)
        return "print.csv"

    assert said(hand_over(HANAKO, Channel.PRINTING, Directory(), write, made)) == ["sent"] * 3
    assert len(kept) == 3
    assert said(hand_over(HANAKO, Channel.PRINTING, Directory(), write, made)) == []
    assert [one.act for one in made.audit.entries()].count("export") == 1


def test_refused_re_identification_stops_the_run(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)

    def nobody(_case: str):
        raise AuthorisationError(Text(ja="二人目が要る", en="a second person is needed"))

    with pytest.raises(AuthorisationError):
        list(send(HANAKO, by_mail(nobody, Box()), made))
    assert made.notices.notice(one.id).state is NoticeState.APPROVED


def test_over_a_real_server(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    approved(made, 5)
    directory = Directory(
        {
            "c000001": {"email": "nobody@customer.example"},
            "c000002": {"email": "later@customer.example"},
            "c000003": {"email": "silent@customer.example"},
        }
    )
    server = MailServer(tmp_path)
    try:
        with SmtpCarrier(settings(server.port).smtp, "bounces@isp.example") as carrier:
            steps = list(send(HANAKO, by_mail(directory, carrier), made))
            assert said(steps) == ["sent", "refused", "deferred", "unknown", "sent"]
            assert "5.1.1" in steps[1].why
            assert said(send(HANAKO, by_mail(directory, carrier), made)) == ["asked", "waits"]
        taken = server.taken()
    finally:
        server.stop()
    assert [one["to"][0].split("@")[0] for one in taken] == ["c000000", "silent", "c000004"]
    assert {one["from"] for one in taken} == {"bounces@isp.example"}
    assert taken[0]["id"] == steps[0].notice.message_id


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    one, _ = approved(made, 2)
    directory = Directory()
    with SmtpCarrier(settings(1).smtp, "bounces@isp.example") as carrier:
        for _ in range(10):
            assert said(send(HANAKO, by_mail(directory, carrier), made)) == ["unreachable"]
    # Nobody else was looked up in vain, and however often: it goes when the server is back.
    assert set(directory.asked) == {one.case}
    assert said(send(HANAKO, by_mail(directory, Box()), made)) == ["sent", "sent"]
