"""2, the digests: nothing stricter than green stands in a mail, nothing about others below k; who asked for it gets one a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.mail_server import MailServer
from fakes.sharing import DAY, HOUR, Ring, grant, indicator, opened_ring
from sekisho.errors import DescriptionError
from sekisho.formats.stix_marking import WRITTEN
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact, MemberState, Right
from sekisho.ports.cases import Delivery
from sekisho.reports.hub_digest import text
from sekisho.wiring.hub_digest import Told, digest_of, send_digests
from sekisho.workflows.hub import publish, set_state

TOML = 'sender = "hub@hub.example.jp"\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'


def wants(*addresses: str) -> dict[str, object]:
    return {"contacts": tuple(Contact("当番", one, "digest") for one in addresses)}


class Kept:
    """A carrier that keeps what it is given, or answers as it is told."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.mails = list(answers), []

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        self.mails.append((recipient, payload, identifier))
        return Delivery(self.answers.pop(0) if self.answers else "accepted")


def words(payload: bytes) -> str:
    return message_from_bytes(payload).get_payload(decode=True).decode()


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()


def reported(ring: Ring, address: str, number: int, tlp: Tlp, *members: str) -> None:
    for place, member in enumerate(members):
        ring.post(
            member, "list-in", indicator(address, number=number * 10 + place, tlp=tlp, seen="handshake")
        )


def test_a_real_mail_server_takes_it(ring: Ring, tmp_path: Path, mails: MailServer) -> None:
    ring.join("a").join("b").join(
        "small", "receive-only", **wants("keep@isp.example.jp", "nobody@isp.example.jp")
    )
    reported(ring, "198.51.100.7", 1, Tlp.GREEN, "a", "b")
    reported(ring, "198.51.100.8", 2, Tlp.AMBER, "a", "b")
    publish(ring.books, b"x")
    ring.clock[0] += HOUR
    assert send_digests(ring.desk, tmp_path / "hub") == Told(), "no mail server is set"
    (tmp_path / "hub" / "digest.toml").write_text(TOML.format(port=mails.port))
    assert send_digests(ring.desk, tmp_path / "hub") == Told(
        sent=1, refused=1, why=("refused: 550 5.1.1 no such user",)
    )
    assert send_digests(ring.desk, tmp_path / "hub") == Told(early=2), "one a day, whatever became of it"
    (mail,) = mails.taken()
    said = message_from_bytes(mail["text"].encode())
    assert str(make_header(decode_header(said["Subject"]))) == "[TLP:GREEN] 試験ハブ 2026-11-18"
    assert said["Auto-Submitted"] == "auto-generated"
    body = said.get_payload(decode=True).decode()
    for language in ("198[.]51[.]100[.]7:23", "メールに書けないもの（TLP:AMBER 以上）：1", "Marked too strictly for a mail (TLP:AMBER or above): 1",
                     "監視 2", "2 to watch for"):  # fmt: skip
        assert language in body
    assert "198.51.100" not in body
    assert "100[.]8" not in body
    assert "fewer" not in body
    ring.clock[0] += DAY
    assert send_digests(ring.desk, tmp_path / "hub").sent == 1
    assert "New: 0" in message_from_bytes(mails.taken()[1]["text"].encode()).get_payload(decode=True).decode()


def test_only_who_asked_for_it_and_is_active_gets_one(ring: Ring, tmp_path: Path) -> None:
    ring.join("a", contacts=(Contact("x", "abuse@a.example.jp", "abuse"),)).join(
        "b", **wants("b@b.example.jp")
    )
    ring.join("c", "maker", **wants("c@c.example.jp"))  # may not read the list
    ring.join("d", **wants("not an address\r\nBcc: x@y.example"))
    (tmp_path / "hub" / "digest.toml").write_text(TOML.format(port=9))
    kept = Kept()
    assert send_digests(ring.desk, tmp_path / "hub", kept) == Told(sent=1)
    assert [recipient for recipient, *_ in kept.mails] == ["b@b.example.jp"]
    ring.clock[0] += DAY
    set_state(ring.books, "b", MemberState.SUSPENDED, "op", "r")
    assert send_digests(ring.desk, tmp_path / "hub", kept) == Told()


def test_a_run_is_throttled_and_an_unreachable_server_ends_it(ring: Ring, tmp_path: Path) -> None:
    for name in "abcd":
        ring.join(name, "receive-only", **wants(f"{name}@{name}.example.jp"))
    (tmp_path / "hub" / "digest.toml").write_text("at_once = 2\n" + TOML.format(port=9))
    down = Kept("accepted", "unreachable")
    assert send_digests(ring.desk, tmp_path / "hub", down) == Told(sent=1, put_off=1, why=("unreachable: ",))
    assert len(down.mails) == 2
    up = Kept("deferred")
    assert send_digests(ring.desk, tmp_path / "hub", up) == Told(
        sent=2, put_off=1, early=1, why=("deferred: ",)
    )
    assert send_digests(ring.desk, tmp_path / "hub", Kept()) == Told(sent=1, early=3)
    (tmp_path / "hub" / "digests.json").write_text("{")
    with pytest.raises(DescriptionError):
        send_digests(ring.desk, tmp_path / "hub", Kept())
    for wrong in ("sender = 1", 'sender = "x"\n[smtp]\n', 'hours = 0\nsender = "a@b.example"\n[smtp]\n'):
        (tmp_path / "hub" / "digest.toml").write_text(wrong)
        with pytest.raises(DescriptionError):
            send_digests(ring.desk, tmp_path / "hub", Kept())


def test_a_figure_needs_three_groups(ring: Ring) -> None:
    for name in "abc":
        ring.join(name)
    reported(ring, "198.51.100.7", 1, Tlp.GREEN, "a", "b")
    publish(ring.books, b"x")
    (member, *_) = ring.books.members.members()

    def figures() -> object:
        found = digest_of(ring.desk, member, 0)
        assert found is not None
        return found.families

    assert figures() == {}
    for number in range(2, 8):
        reported(ring, f"198.51.100.{number}", number, Tlp.GREEN, "a", "b", "c")
    publish(ring.books, b"x")
    assert figures() == {"mirai": 20}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    with opened_ring(tmp_path_factory.mktemp("digest") / "hub") as ring:
        ring.join("a").join("b").join("m", "receive-only")
        yield ring


MARKS = st.lists(
    st.sampled_from([Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED]), min_size=2, max_size=2
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MARKS, min_size=1, max_size=4), st.sampled_from([Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER]))
def test_no_mail_shows_what_is_marked_too_strictly(world: Ring, marks: list[list[Tlp]], ceiling: Tlp) -> None:
    """Whatever two members mark how: what the mail shows was marked green or clear by both, and within the ceiling."""
    ring, begin = world, world.clock[0]
    grant(ring.books, Right("m", ring.ids["list"], True, False, ceiling), "op")
    base, moment = (
        (begin // HOUR) % 250,
        time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(begin / 1000 - 60)),
    )
    allowed = set()
    for place, pair in enumerate(marks):
        address = f"198.51.{place}.{base}"
        for member, tlp in zip("ab", pair, strict=True):
            body = {
                **indicator(address, seen="handshake", moment=moment), "id": f"indicator--{uuid4()}",
                "object_marking_refs": [WRITTEN[tlp]],
            }  # fmt: skip
            ring.post(member, "list-in", body)
        if max(pair) <= min(ceiling, Tlp.GREEN):
            allowed.add(f"198[.]51[.]{place}[.]{base}")
    publish(ring.books, b"x")
    member = next(one for one in ring.books.members.members() if one.id == "m")
    found = digest_of(ring.desk, member, begin)
    assert found is not None
    said = text(found)
    shown = {f"198[.]51[.]{place}[.]{base}" for place in range(4) if f"198[.]51[.]{place}[.]{base}:" in said}
    assert shown == allowed
    ring.clock[0] += HOUR
