"""One-time links: once, in time, for one thing; the way back in."""

from __future__ import annotations

import pytest

from fakes.gate import BETTER, DAY, GOOD, HOME, MINUTE, NOW, STRANGER, House, entered
from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Language
from sekisho.model.account import LinkPurpose, Permission, Role, SessionKind, digest
from sekisho.model.password_policy import Fault
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import Refusal, Visit, Why

GONE = Refusal(Why.LINK)


def test_the_first_admin(house: House) -> None:
    gate = house.gate
    assert sign_in.needs_first_admin(gate)
    link = sign_in.make_setup_link(gate, NOW, by="root")
    seen = sign_in.look_at_link(gate, link, NOW)
    assert (seen.purpose, seen.name, seen.expires) == (LinkPurpose.FIRST_ADMIN, "", NOW + 15 * MINUTE)
    done = entered(sign_in.redeem_setup(gate, link, " Ｈanako ", GOOD, HOME, NOW, Language.EN))
    account = done.account
    assert (account.name, account.folded, account.role) == ("Ｈanako", "hanako", Role.ADMIN)
    assert (account.language, account.password_changed, account.must_change) == (Language.EN, NOW, 0)
    assert done.session.kind is SessionKind.LINK
    assert account.may(Permission.ADMIN)
    assert house.whoami(done, NOW) == (account, done.session)
    assert not sign_in.needs_first_admin(gate)
    assert [(one.who, one.role, one.act, one.object) for one in house.log()] == [
        ("root", "file-access", "setup-link", "first admin"),
        ("Ｈanako", "admin", "set-up", "account Ｈanako"),
    ]


def test_nothing_drawn_is_stored(house: House) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    done = entered(sign_in.redeem_setup(house.gate, link, "hanako", GOOD, HOME, NOW))
    token, _ = sign_in.make_token(
        house.gate, done.account, done.session, "nightly", {Permission.SEE}, 30, NOW
    )
    with house.database.reading() as connection:
        tables = (
            connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        )
        stored = "".join(repr(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in tables)
    assert done.session.id in stored
    for secret in (link, done.token, done.known, token, token.removeprefix("sk_"), GOOD):
        assert len(secret) >= 22  # 128 bits
        assert secret not in stored


def test_a_link_serves_once(house: House) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    entered(sign_in.redeem_setup(house.gate, link, "hanako", GOOD, HOME, NOW))
    assert sign_in.look_at_link(house.gate, link, NOW) == GONE
    assert sign_in.redeem_setup(house.gate, link, "taro", GOOD, STRANGER, NOW) == GONE
    assert [one.name for one in sign_in.people(house.gate)] == ["hanako"]


@pytest.mark.parametrize(
    ("after", "open_"), [(0, True), (15 * MINUTE - 1, True), (15 * MINUTE, False), (-1, False)]
)
def test_a_link_has_its_time(house: House, after: int, open_: bool) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    done = sign_in.redeem_setup(house.gate, link, "hanako", GOOD, HOME, NOW + after)
    assert (done != GONE) is open_
    assert sign_in.needs_first_admin(house.gate) is not open_


def test_a_later_link_makes_the_earlier_void(house: House) -> None:
    first, second = (sign_in.make_setup_link(house.gate, NOW) for _ in range(2))
    assert sign_in.redeem_setup(house.gate, first, "hanako", GOOD, HOME, NOW) == GONE
    entered(sign_in.redeem_setup(house.gate, second, "hanako", GOOD, HOME, NOW))


@pytest.mark.parametrize("made_up", ["", "x", "A" * 22, "\0", "\ud800", "é" * 9000])
def test_made_up_links(house: House, made_up: str) -> None:
    sign_in.make_setup_link(house.gate, NOW)
    assert sign_in.look_at_link(house.gate, made_up, NOW) == GONE
    assert sign_in.redeem_setup(house.gate, made_up, "hanako", GOOD, HOME, NOW) == GONE


def test_a_weak_password_leaves_the_link(house: House) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    for password, fault in {
        "tooshort": Fault.SHORT, "password1234": Fault.KNOWN, "hanako-tanuki-host": Fault.NAMES, "ab" * 200: Fault.LONG,
    }.items():  # fmt: skip
        refused = sign_in.redeem_setup(house.gate, link, "hanako", password, HOME, NOW)
        assert refused == Refusal(Why.WEAK, faults=(fault,))
    entered(sign_in.redeem_setup(house.gate, link, "hanako", GOOD, HOME, NOW))


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\u200bb", "sekisho", "ＳＥＫＩＳＨＯ", "a\0b"])
def test_names_that_are_none(house: House, name: str) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    with pytest.raises(DescriptionError):
        sign_in.redeem_setup(house.gate, link, name, GOOD, HOME, NOW)
    assert sign_in.needs_first_admin(house.gate)


def test_no_link_for_a_first_admin_when_there_is_one(house: House) -> None:
    house.admin()
    with pytest.raises(AuthorisationError) as refused:
        sign_in.make_setup_link(house.gate, NOW)
    assert "reset" in refused.value.todo.en


def test_a_person_is_invited_by_a_link_of_a_day(house: House) -> None:
    boss = house.admin()
    made, link = sign_in.add_person(
        house.gate, boss.account, boss.session, "Taro", Role.ANALYST, Language.EN, NOW
    )
    assert isinstance(sign_in.sign_in_password(house.gate, "Taro", GOOD, HOME, NOW), Refusal)
    seen = sign_in.look_at_link(house.gate, link, NOW + DAY - 1)
    assert (seen.purpose, seen.name) == (LinkPurpose.START, "Taro")
    assert sign_in.look_at_link(house.gate, link, NOW + DAY) == GONE
    done = entered(sign_in.redeem_setup(house.gate, link, "other name", GOOD, HOME, NOW + 5))
    assert (done.account.id, done.account.name) == (made.id, "Taro")
    assert done.account.permissions == {Permission.OPEN, Permission.SEE, Permission.WORK}


def test_a_link_of_a_disabled_account_is_void(house: House) -> None:
    boss = house.admin()
    made, link = sign_in.add_person(
        house.gate, boss.account, boss.session, "Taro", Role.VIEWER, Language.EN, NOW
    )
    sign_in.disable_person(house.gate, boss.account, boss.session, made.id, NOW)
    assert sign_in.redeem_setup(house.gate, link, "", GOOD, HOME, NOW) == GONE
    with pytest.raises(DescriptionError):
        sign_in.renew_link(house.gate, boss.account, boss.session, made.id, NOW)


def test_a_new_start_ends_all_that_was(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.ANALYST)
    token, _ = sign_in.make_token(house.gate, taro.account, taro.session, "n", {Permission.SEE}, 1, NOW)
    link = sign_in.renew_link(house.gate, boss.account, boss.session, taro.account.id, NOW)
    assert house.whoami(taro, NOW)  # until it is used
    entered(sign_in.redeem_setup(house.gate, link, "", BETTER, STRANGER, NOW))
    assert house.whoami(taro, NOW) is None
    assert sign_in.whose_token(house.gate, token, NOW) is None
    old = sign_in.sign_in_password(house.gate, "taro", GOOD, Visit("192.0.2.10", known=taro.known), NOW)
    assert old == Refusal(Why.WRONG)
    assert house.log()[-1].details["counted_as"] == "stranger"  # browsers known before are strangers again
    entered(sign_in.sign_in_password(house.gate, "taro", BETTER, STRANGER, NOW))


def test_reset_by_file_access(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.ANALYST)
    link = sign_in.reset(house.gate, "", NOW, by="root")
    assert house.whoami(boss, NOW) is None
    assert house.whoami(taro, NOW) is None
    last = house.log()[-1]
    assert (last.who, last.role, last.act, last.details) == (
        "root",
        "file-access",
        "reset-accounts",
        {"sessions": 2},
    )
    entered(sign_in.sign_in_password(house.gate, "taro", GOOD, HOME, NOW))  # others only sign in again
    again = entered(sign_in.redeem_setup(house.gate, link, "", BETTER, HOME, NOW))
    assert (again.account.id, again.account.role) == (boss.account.id, Role.ADMIN)
    assert sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, NOW) == Refusal(Why.WRONG)


def test_reset_opens_a_disabled_account_and_makes_it_admin(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.VIEWER)
    sign_in.disable_person(house.gate, boss.account, boss.session, taro.account.id, NOW)
    link = sign_in.reset(house.gate, "TARO", NOW)
    done = entered(sign_in.redeem_setup(house.gate, link, "", BETTER, HOME, NOW))
    assert (done.account.name, done.account.role, done.account.enabled) == ("Taro", Role.ADMIN, True)


def test_reset_asks_which(house: House) -> None:
    with pytest.raises(DescriptionError, match="nobody has an account"):
        sign_in.reset(house.gate, "", NOW)
    boss = house.admin()
    house.person(boss, "Second", Role.ADMIN)
    for name in ("", "nobody"):
        with pytest.raises(DescriptionError) as refused:
            sign_in.reset(house.gate, name, NOW)
        assert "Hanako" in refused.value.where
    assert house.whoami(boss, NOW)


def test_digests_only(house: House) -> None:
    link = sign_in.make_setup_link(house.gate, NOW)
    stored = house.gate.accounts.link(digest(link))
    assert stored is not None
    assert link not in repr(stored)
