"""What goes wrong between a notice and its outcome: somebody else writes, something breaks, a batch can't be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes.notices import HANAKO, MORNING, Clock, Directory, by_mail, case, office, settings, with_cases
from sekisho.errors import RenderError, StoreError
from sekisho.language import Text
from sekisho.model.identity import Person, Role
from sekisho.model.notice import Channel, NoticeState
from sekisho.model.notifying import Throttle
from sekisho.ports.cases import Delivery
from sekisho.workflows.notify import approve, draft, hand_over, send, settle, take_back, withdraw

TARO = Person("田中 太郎", Role.ANALYST)
WRONG = StoreError(Text(ja="読めない", en="can't be read"), "disk")


def approved(made, count: int = 1, channel: Channel = Channel.EMAIL):
    drafts = draft(with_cases(made, count), HANAKO, made, channel=channel).notices
    return [approve(one.id, one.digest, HANAKO, made) for one in drafts]


def said(steps) -> list[str]:
    return [one.what for one in steps]


class Box:
    """A carrier that does something before it answers."""

    def __init__(self, answer: Delivery, before: Any = lambda _identifier: None) -> None:
        self.answer, self.before = answer, before

    def deliver(self, _payload: bytes, _recipient: str, identifier: str) -> Delivery:
        self.before(identifier)
        return self.answer


class Breaking(Directory):
    """Fails at one case."""

    def __init__(self, at: str, error: BaseException) -> None:
        super().__init__()
        self.at, self.error = at, error

    def __call__(self, identifier: str):
        if identifier == self.at:
            raise self.error
        return super().__call__(identifier)


@pytest.mark.parametrize("error", [WRONG, ValueError("unforeseen"), KeyboardInterrupt()])
def test_a_batch_that_breaks_while_it_is_gathered_leaves_nothing_in_flight(
    tmp_path: Path, error: BaseException
) -> None:
    made = office(tmp_path, Clock())
    approved(made, 3, Channel.LETTER)
    with pytest.raises(type(error)):
        list(hand_over(HANAKO, Channel.LETTER, Breaking("c000002", error), lambda _batch: "never", made))
    left = made.notices.find((), limit=10)
    assert [(one.state, one.attempts, one.not_before) for one in left] == [(NoticeState.APPROVED, 0, 0)] * 3
    assert said(hand_over(HANAKO, Channel.LETTER, Directory(), lambda _batch: "f", made)) == ["sent"] * 3


def test_who_stops_listening_leaves_nothing_in_flight(tmp_path: Path) -> None:
    made = office(tmp_path, Clock(), settings(do_not_contact=(1001,)))
    approved(made, 3, Channel.LETTER)
    steps = hand_over(HANAKO, Channel.LETTER, Directory(), lambda _batch: "never", made)
    assert next(steps).what == "withheld"
    steps.close()
    states = {one.state for one in made.notices.find((), limit=10)}
    assert states == {NoticeState.APPROVED, NoticeState.WITHHELD}


@pytest.mark.parametrize(
    "error", [RenderError(Text(ja="だめ", en="no")), OSError(28, "disk full"), UnicodeError("unforeseen")]
)
def test_a_file_that_can_t_be_written_leaves_its_notices_approved_as_before(
    tmp_path: Path, error: Exception
) -> None:
    made = office(tmp_path, Clock())
    approved(made, 2, Channel.LETTER)

    def fails(_batch) -> str:
        raise error

    for _ in range(9):
        with pytest.raises(type(error)):
            list(hand_over(HANAKO, Channel.LETTER, Directory(), fails, made))
    left = made.notices.find((), limit=10)
    assert [(one.state, one.attempts, one.not_before) for one in left] == [(NoticeState.APPROVED, 0, 0)] * 2
    assert said(hand_over(HANAKO, Channel.LETTER, Directory(), lambda _batch: "f", made)) == ["sent"] * 2


def test_one_line_gets_one_letter_of_a_batch(tmp_path: Path) -> None:
    made = office(tmp_path, Clock(), settings(throttle=Throttle(per_hour=9, per_subscriber=1, days=7)))
    for number in (0, 1):
        made.cases.save(case(number, subscriber=1), [])
    for one in draft(["c000000", "c000001"], HANAKO, made, channel=Channel.LETTER).notices:
        approve(one.id, one.digest, HANAKO, made)
    steps = hand_over(HANAKO, Channel.LETTER, Directory(), lambda _batch: "f", made)
    assert sorted(said(steps)) == ["sent", "waits"]


class Meanwhile(Directory):
    """Somebody withdraws the notice while its person is looked up."""

    def __init__(self, made, **more) -> None:
        super().__init__(**more)
        self.made = made

    def __call__(self, identifier: str):
        (one,) = self.made.notices.find((NoticeState.APPROVED,), case=identifier)
        withdraw(one.id, TARO, "誤検出", self.made)
        return super().__call__(identifier)


def test_a_notice_withdrawn_while_it_is_withheld_stays_withdrawn(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    one, two = approved(made, 2)
    special = {one.case: {"do_not_contact": True}, two.case: {"email": "not an address"}}
    steps = list(send(HANAKO, by_mail(Meanwhile(made, special=special), Box(Delivery("accepted"))), made))
    assert said(steps) == ["taken", "taken"]
    assert {made.notices.notice(each.id).state for each in (one, two)} == {NoticeState.WITHDRAWN}


@pytest.mark.parametrize(
    ("answer", "sent", "state"),
    [
        (Delivery("accepted", "250"), False, NoticeState.SENT),
        (Delivery("accepted", "250"), True, NoticeState.SENT),
        (Delivery("refused", "550"), True, NoticeState.SENT),
        (Delivery("deferred", "451"), False, NoticeState.APPROVED),
        (Delivery("unknown", "?"), True, NoticeState.SENT),
    ],
)
def test_a_notice_settled_by_somebody_while_it_was_in_flight(
    tmp_path: Path, answer: Delivery, sent: bool, state: NoticeState
) -> None:
    """What certainly went out is SENT whatever was said; else the person's word stands."""
    made = office(tmp_path, Clock())
    one, two = approved(made, 2)
    done: list[str] = []

    def meanwhile(identifier: str) -> None:
        if not done:
            settle(identifier, HANAKO, made, sent=sent)
        done.append(identifier)

    assert len(list(send(HANAKO, by_mail(Directory(), Box(answer, meanwhile)), made))) == 2
    assert done == [one.id, two.id]
    assert made.notices.notice(one.id).state is state
    assert made.notices.notice(one.id).attempts == 1


def receipt(message_id: str, action: str) -> bytes:
    return (
        "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; a@customer.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounce_that_is_quicker_than_the_outcome_is_kept(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)

    def bounce(_identifier: str) -> None:
        assert take_back(receipt(one.message_id, "failed"), made).what == "bounced"

    box = Box(Delivery("accepted", "250"), bounce)
    assert said(send(HANAKO, by_mail(Directory(), box), made)) == ["sent"]
    assert made.notices.notice(one.id).state is NoticeState.BOUNCED
    assert made.cases.case(one.case).notified_at == MORNING


def test_a_bounce_of_a_notice_that_is_taken_away_meanwhile(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = approved(made)
    list(send(HANAKO, by_mail(Directory(), Box(Delivery("unknown", "?"))), made))

    class Late:
        """Between the look and the write a person says that it never went out."""

        def __init__(self) -> None:
            self.first = True

        def __getattr__(self, name: str) -> Any:
            return getattr(made.notices, name)

        def change(self, notice) -> Any:
            if self.first:
                self.first = False
                settle(one.id, HANAKO, made, sent=False)
            return made.notices.change(notice)

    office_ = msgspec.structs.replace(made, notices=Late())
    # The bounce knows better: it was taken.
    assert take_back(receipt(one.message_id, "failed"), office_).what == "bounced"
    assert made.notices.notice(one.id).state is NoticeState.BOUNCED


def test_a_refusal_of_one_case_holds_up_no_other(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    approved(made, 3)
    answers = {"c000000": None, "c000001": "past"}
    directory = Directory()

    def identify(identifier: str):
        return answers[identifier] if identifier in answers else directory(identifier)

    steps = list(send(HANAKO, by_mail(identify, Box(Delivery("accepted"))), made))
    assert [(one.what, one.why) for one in steps[:2]] == [
        ("waits", "not-released"),
        ("withheld", "not-identified: past"),
    ]
    assert steps[2].what == "sent"
