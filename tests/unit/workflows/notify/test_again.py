"""What may go again and what may not: an answer proves that it went, a rule of yesterday does not bind, a withdrawn notice makes room."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fakes.notices import HANAKO, Clock, Directory, by_mail, office, settings, with_cases
from sekisho.language import Language
from sekisho.model.notice import Channel, NoticeState
from sekisho.model.notifying import Throttle
from sekisho.ports.cases import Delivery
from sekisho.workflows.notify import approve, draft, hand_over, send, settle, take_back, withdraw

HOUR = 3_600_000


class Box:
    def __init__(self, *answers: Delivery) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []

    def deliver(self, payload: bytes, _recipient: str, _identifier: str) -> Delivery:
        self.taken.append(payload)
        return self.answers.pop(0) if self.answers else Delivery("accepted", "250 ok")


def approved(made, count: int = 1, channel: Channel = Channel.EMAIL, **more):
    drafts = draft(with_cases(made, count), HANAKO, made, channel=channel, **more).notices
    return [approve(one.id, one.digest, HANAKO, made) for one in drafts]


def bounce(message_id: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nX-Failed-Recipients: a@customer.example\r\n"
        f"Subject: Mail delivery failed\r\n\r\n550 5.1.1 unknown\r\n\r\nMessage-ID: {message_id}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("answer", ["unknown", "deferred", "refused"])
def test_a_bounce_proves_that_it_went_whatever_a_person_or_the_server_said(
    tmp_path: Path, answer: str
) -> None:
    clock = Clock()
    made = office(tmp_path, clock)
    (one,) = approved(made)
    box = Box(Delivery(answer, "?"))
    list(send(HANAKO, by_mail(Directory(), box), made))
    if answer == "unknown":
        settle(one.id, HANAKO, made, sent=False)
    assert take_back(bounce(one.message_id), made).what == "bounced"
    held = made.notices.notice(one.id)
    assert (held.state, bool(held.sent_at)) == (NoticeState.BOUNCED, True)
    clock.at += 5 * HOUR
    assert list(send(HANAKO, by_mail(Directory(), box), made)) == []
    assert len(box.taken) == 1


def test_a_bounce_of_what_never_left_is_for_a_person(tmp_path: Path) -> None:
    """Its Message-ID could only be guessed, so that mail proves nothing."""
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    assert take_back(bounce(one.message_id), made).what == "unclear"
    assert made.notices.notice(one.id).state is NoticeState.APPROVED


def test_the_rule_of_today_decides(tmp_path: Path) -> None:
    made = office(tmp_path, Clock(), settings(throttle=Throttle(per_hour=1000, per_subscriber=1)))
    approved(made)
    list(send(HANAKO, by_mail(Directory(), Box()), made))
    (letter,) = approved_again(made)
    (step,) = hand_over(HANAKO, Channel.LETTER, Directory(), lambda _: "f", made)
    assert (step.what, step.why) == ("waits", "throttled")
    (step,) = hand_over(HANAKO, Channel.LETTER, Directory(), lambda _: "f", made)
    assert (step.what, step.why) == ("waits", "throttled")
    lifted = msgspec.structs.replace(made, settings=settings())
    (step,) = hand_over(HANAKO, Channel.LETTER, Directory(), lambda _: "f", lifted)
    assert (step.what, step.notice.id) == ("sent", letter.id)


def approved_again(made):
    drafts = draft(["c000000"], HANAKO, made, channel=Channel.LETTER).notices
    return [approve(one.id, one.digest, HANAKO, made) for one in drafts]


def test_what_the_other_side_put_off_is_waited_for(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    approved(made)
    list(send(HANAKO, by_mail(Directory(), Box(Delivery("deferred", "451 later"))), made))
    (step,) = send(HANAKO, by_mail(Directory(), Box()), made)
    assert (step.what, step.why) == ("waits", "deferred")


def test_a_withdrawn_notice_makes_room_for_another_one(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (case,) = with_cases(made, 1)
    for _ in range(3):
        (one,) = draft([case], HANAKO, made, channel=Channel.EMAIL).notices
        assert draft([case], HANAKO, made, channel=Channel.EMAIL).refused == {case: "there"}
        withdraw(one.id, HANAKO, "wrong words", made)
    assert len(made.notices.find([NoticeState.WITHDRAWN])) == 3


@pytest.mark.parametrize(
    ("said", "written", "channel", "goes"),
    [
        (Language.EN, Language.JA, Channel.LETTER, False),
        (Language.EN, Language.EN, Channel.LETTER, True),
        (Language.JA, Language.JA, Channel.LETTER, True),
        (Language.JA, Language.EN, Channel.LETTER, True),  # a table that says nothing says Japanese
        (Language.EN, Language.JA, Channel.XARF, True),  # for a network, which reads no words
    ],
)
def test_nobody_is_written_to_in_a_language_that_is_not_theirs(
    tmp_path: Path, said: Language, written: Language, channel: Channel, goes: bool
) -> None:
    made = office(tmp_path, Clock())
    approved(made, channel=channel, language=written)
    directory = Directory({"c000000": {"language": said}})
    (step,) = hand_over(HANAKO, channel, directory, lambda _: "file", made)
    assert (step.what, step.why) == (("sent", "file") if goes else ("withheld", "other-language: en"))
