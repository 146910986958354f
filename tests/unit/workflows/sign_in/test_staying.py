"""Sessions, people, tokens."""

from __future__ import annotations

import msgspec
import pytest

from fakes.gate import BETTER, DAY, GOOD, HOME, HOUR, MINUTE, NOW, STRANGER, House, entered
from sekisho.errors import AuthorisationError, ConflictError, DescriptionError
from sekisho.language import Language
from sekisho.model.account import Permission, Role
from sekisho.model.audit import Act
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import Visit

SEE, WORK, SEND, ADMIN = Permission.SEE, Permission.WORK, Permission.SEND, Permission.ADMIN


def test_idle_and_absolute(house: House) -> None:
    boss = house.admin()
    assert house.whoami(boss, NOW + 30 * MINUTE - 1)
    assert house.whoami(boss, NOW + 60 * MINUTE - 2)  # the last one was a touch
    assert house.whoami(boss, NOW + 90 * MINUTE) is None
    again = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, NOW))
    at = NOW
    while at < NOW + 12 * HOUR:
        assert house.whoami(again, at), at
        at += 29 * MINUTE
    assert house.whoami(again, NOW + 12 * HOUR - 1) is None or at > NOW + 12 * HOUR
    assert house.whoami(again, NOW + 12 * HOUR) is None


def test_a_disabled_account_is_nobody_whatever_is_stored(house: House) -> None:
    """Disabling ends the sessions; one that were left would open nothing."""
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.VIEWER)
    held = house.gate.accounts.named("taro")
    assert held is not None
    off = msgspec.structs.replace(held, disabled=NOW)
    house.gate.accounts.change(off, Act("x", "y", "z", "o", NOW))
    assert len(house.gate.sessions.of(taro.account.id)) == 1
    assert house.whoami(taro, NOW) is None


def test_touching_is_rare(house: House) -> None:
    boss = house.admin()
    for second in range(0, 60, 5):
        house.whoami(boss, NOW + second * 1000)
    (held,) = house.gate.sessions.of(boss.account.id)
    assert held.last_seen == NOW
    house.whoami(boss, NOW + MINUTE)
    (held,) = house.gate.sessions.of(boss.account.id)
    assert held.last_seen == NOW + MINUTE


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "A" * 43])
def test_made_up_tokens(house: House, token: str) -> None:
    house.admin()
    assert sign_in.whoami(house.gate, token, NOW) is None
    assert sign_in.whose_token(house.gate, "sk_" + token, NOW) is None


def test_the_id_of_a_session_is_no_token(house: House) -> None:
    boss = house.admin()
    assert sign_in.whoami(house.gate, boss.session.id, NOW) is None


def test_what_a_browser_says_is_cut_and_shown_plainly(house: House) -> None:
    done = house.admin(visit=Visit("192.0.2.1" + "\n" * 9, "Mozilla\r\n\0\u202e" + "x" * 900))
    assert done.session.source == "192.0.2.1"
    assert done.session.browser == ("Mozilla" + "x" * 900)[:200]


def test_own_sessions(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.VIEWER)
    second = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW + 1))
    third = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW + 2))
    mine = sign_in.my_sessions(house.gate, boss.account, NOW + 2)
    assert mine == (third.session, second.session, boss.session)
    assert not sign_in.end_session(house.gate, boss.account, taro.session.id, NOW + 3)
    assert not sign_in.end_session(house.gate, boss.account, "\0", NOW + 3)
    assert house.whoami(taro, NOW + 3)
    assert sign_in.end_session(house.gate, boss.account, second.session.id, NOW + 3)
    assert house.whoami(second, NOW + 3) is None
    assert sign_in.end_other_sessions(house.gate, boss.account, third.session, NOW + 3) == 1
    assert house.whoami(boss, NOW + 3) is None
    assert house.whoami(third, NOW + 3)
    assert house.whoami(taro, NOW + 3)
    assert sign_in.my_sessions(house.gate, boss.account, NOW + DAY) == ()


def test_sessions_are_bounded(house: House) -> None:
    boss = house.admin()
    for number in range(25):
        last = entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, NOW + number))
    assert len(sign_in.my_sessions(house.gate, boss.account, NOW + 30)) == 20
    assert house.whoami(last, NOW + 30)
    assert house.whoami(boss, NOW + 30) is None


def test_expired_ones_are_forgotten(house: House) -> None:
    boss = house.admin()
    entered(sign_in.sign_in_password(house.gate, "hanako", GOOD, HOME, NOW + DAY))
    assert len(house.gate.sessions.of(boss.account.id)) == 1


def test_people(house: House) -> None:
    boss = house.admin()
    for number, role in enumerate(Role):
        house.person(boss, f"p{number}", role)
    assert [(one.name, one.role) for one in sign_in.people(house.gate)] == [
        ("Hanako", Role.ADMIN), ("p0", Role.VIEWER), ("p1", Role.ANALYST), ("p2", Role.SENDER), ("p3", Role.ADMIN),
    ]  # fmt: skip
    with pytest.raises(ConflictError):
        sign_in.add_person(house.gate, boss.account, boss.session, "Ｐ1", Role.VIEWER, Language.JA, NOW)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.SENDER])
def test_only_admins_decide_about_people(house: House, role: Role) -> None:
    boss = house.admin()
    one = house.person(boss, "Taro", role)
    gate, me, held = house.gate, one.account, one.session
    before = len(house.log())
    for act in (
        lambda: sign_in.add_person(gate, me, held, "New", Role.VIEWER, Language.JA, NOW),
        lambda: sign_in.renew_link(gate, me, held, boss.account.id, NOW),
        lambda: sign_in.disable_person(gate, me, held, boss.account.id, NOW),
        lambda: sign_in.enable_person(gate, me, held, boss.account.id, NOW),
        lambda: sign_in.change_role(gate, me, held, me.id, Role.ADMIN, NOW),
        lambda: sign_in.demand_password_change(gate, me, held, boss.account.id, NOW),
        lambda: sign_in.disable_person(gate, boss.account, held, me.id, NOW),  # with another's session
    ):
        with pytest.raises(AuthorisationError):
            act()
    assert len(house.log()) == before
    assert sign_in.people(gate) == (house.gate.accounts.named("hanako"), house.gate.accounts.named("taro"))


def test_the_last_admin_stays(house: House) -> None:
    boss = house.admin()
    gate = house.gate
    invited, _ = sign_in.add_person(gate, boss.account, boss.session, "Idle", Role.ADMIN, Language.JA, NOW)
    for act in (
        lambda: sign_in.disable_person(gate, boss.account, boss.session, boss.account.id, NOW),
        lambda: sign_in.change_role(gate, boss.account, boss.session, boss.account.id, Role.SENDER, NOW),
    ):
        with pytest.raises(AuthorisationError) as refused:
            act()
        assert "last admin" in refused.value.what.en
        assert house.whoami(boss, NOW)
    assert invited.role is Role.ADMIN  # who has not come yet is none to rely on
    second = house.person(boss, "Second", Role.ADMIN)
    sign_in.change_role(gate, boss.account, boss.session, boss.account.id, Role.VIEWER, NOW)
    assert house.whoami(boss, NOW) is None
    with pytest.raises(AuthorisationError):
        sign_in.disable_person(gate, second.account, second.session, second.account.id, NOW)


def test_a_role_holds_at_once(house: House) -> None:
    boss = house.admin()
    taro = house.person(boss, "Taro", Role.SENDER)
    token, _ = sign_in.make_token(house.gate, taro.account, taro.session, "n", {SEE, SEND}, 1, NOW)
    sign_in.change_role(house.gate, boss.account, boss.session, taro.account.id, Role.VIEWER, NOW)
    assert house.whoami(taro, NOW) is None
    found = sign_in.whose_token(house.gate, token, NOW)
    assert found is not None
    assert found[1] == {Permission.OPEN, SEE}
    sign_in.disable_person(house.gate, boss.account, boss.session, taro.account.id, NOW)
    assert sign_in.whose_token(house.gate, token, NOW) is None
    sign_in.enable_person(house.gate, boss.account, boss.session, taro.account.id, NOW)
    assert sign_in.whose_token(house.gate, token, NOW)
    entered(sign_in.sign_in_password(house.gate, "taro", GOOD, HOME, NOW))


def test_nobody_of_that_id(house: House) -> None:
    boss = house.admin()
    for wrong in ("", "x", "\0", "\ud800"):
        with pytest.raises(DescriptionError):
            sign_in.disable_person(house.gate, boss.account, boss.session, wrong, NOW)


def test_language(house: House) -> None:
    boss = house.admin()
    changed = sign_in.set_language(house.gate, boss.account, Language.EN, NOW)
    assert (changed.language, changed.last_sign_in) == (Language.EN, boss.account.last_sign_in)
    assert house.whoami(boss, NOW) == (changed, boss.session)
    with pytest.raises(ConflictError):
        sign_in.set_language(house.gate, boss.account, Language.JA, NOW)


def test_tokens(house: House) -> None:
    boss = house.admin()
    secret, kept = sign_in.make_token(
        house.gate, boss.account, boss.session, " night  job ", {SEE, WORK}, 30, NOW
    )
    assert secret.startswith("sk_")
    assert (kept.name, kept.scope, kept.expires) == ("night job", (SEE, WORK), NOW + 30 * DAY)
    assert sign_in.my_tokens(house.gate, boss.account) == (kept,)
    found = sign_in.whose_token(house.gate, secret, NOW + DAY)
    assert found == (house.gate.accounts.named("hanako"), {Permission.OPEN, SEE, WORK})
    (used,) = sign_in.my_tokens(house.gate, boss.account)
    assert used.last_used == NOW + DAY
    assert sign_in.whose_token(house.gate, secret, NOW + 30 * DAY) is None
    assert sign_in.whose_token(house.gate, secret, NOW - 1) is None
    for wrong in (secret[3:], secret + "x", "sk_" + kept.id, kept.id):
        assert sign_in.whose_token(house.gate, wrong, NOW) is None
    taro = house.person(boss, "Taro", Role.VIEWER)
    assert not sign_in.revoke_token(house.gate, taro.account, kept.id, NOW)
    assert sign_in.revoke_token(house.gate, boss.account, kept.id, NOW)
    assert not sign_in.revoke_token(house.gate, boss.account, kept.id, NOW)
    assert sign_in.whose_token(house.gate, secret, NOW) is None
    assert [one.act for one in house.log()][-1] == "revoke-token"


@pytest.mark.parametrize(("scope", "days", "name"), [
    ({ADMIN}, 1, "n"), (set(), 1, "n"), ({Permission.OPEN}, 1, "n"), ({SEE}, 0, "n"), ({SEE}, 366, "n"), ({SEE}, -1, "n"),
    ({SEE}, 1, " "), ({SEE}, 1, "x" * 65),
])  # fmt: skip
def test_tokens_that_are_not_made(house: House, scope: set[Permission], days: int, name: str) -> None:
    boss = house.admin()
    one = house.person(boss, "Taro", Role.SENDER)
    with pytest.raises(DescriptionError):
        sign_in.make_token(house.gate, one.account, one.session, name, scope, days, NOW)
    assert sign_in.my_tokens(house.gate, one.account) == ()


def test_tokens_want_a_recent_proof_and_are_bounded(house: House) -> None:
    boss = house.admin()
    with pytest.raises(AuthorisationError):
        sign_in.make_token(house.gate, boss.account, boss.session, "n", {SEE}, 1, NOW + HOUR)
    for number in range(20):
        sign_in.make_token(house.gate, boss.account, boss.session, f"n{number}", {SEE}, 1, NOW)
    with pytest.raises(DescriptionError):
        sign_in.make_token(house.gate, boss.account, boss.session, "one more", {SEE}, 1, NOW)


def test_the_whole_chain_holds(house: House) -> None:
    boss = house.admin()
    house.person(boss, "Taro", Role.VIEWER)
    sign_in.change_password(house.gate, boss.account, boss.session, GOOD, BETTER, HOME, NOW)
    assert house.gate.audit.verify().whole
