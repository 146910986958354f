"""Passkeys, with a software authenticator: what must fit, each thing taken away."""

from __future__ import annotations

import json

import pytest

from fakes.authenticator import PRESENT, VERIFIED, Authenticator
from fakes.gate import GOOD, HOME, HOUR, MINUTE, NOW, STRANGER, House, entered, gate_of
from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Language
from sekisho.model.account import Passkey, Role, SessionKind
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import Refusal, RelyingParty, SignedIn, Why

PARTY = RelyingParty("console.example", ("https://console.example",))
NO = Refusal(Why.PASSKEY)


def added(house: House, held: SignedIn, key: Authenticator, at: int = NOW) -> Passkey:
    options = sign_in.begin_add_passkey(house.gate, held.account, held.session, PARTY, at)
    done = sign_in.finish_add_passkey(
        house.gate, held.account, held.session, key.create(options), "desk key", PARTY, at
    )
    assert isinstance(done, Passkey), done
    return done


def enter(house: House, key: Authenticator, at: int = NOW) -> SignedIn | Refusal:
    options = sign_in.begin_passkey_sign_in(house.gate, PARTY, at)
    assert json.loads(options)["allowCredentials"] == []
    return sign_in.finish_passkey_sign_in(house.gate, key.get(options), PARTY, STRANGER, at)


def test_register_and_sign_in(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    kept = added(house, boss, key)
    assert (kept.account, kept.name, kept.added, kept.last_used) == (boss.account.id, "desk key", NOW, 0)
    done = entered(enter(house, key, NOW + 1))
    assert (done.account.id, done.session.kind) == (boss.account.id, SessionKind.PASSKEY)
    (used,) = sign_in.my_passkeys(house.gate, boss.account)
    assert (used.sign_count, used.last_used) == (1, NOW + 1)
    assert house.log()[-1].details["by"] == "passkey desk key"


def test_a_first_admin_without_any_password(house: House) -> None:
    link, key = sign_in.make_setup_link(house.gate, NOW), Authenticator()
    options = sign_in.begin_setup_passkey(house.gate, link, "Hanako", PARTY, NOW, Language.EN)
    answer = key.create(options)
    assert sign_in.finish_setup_passkey(house.gate, "other", "Hanako", answer, PARTY, HOME, NOW) == Refusal(
        Why.LINK
    )
    done = entered(sign_in.finish_setup_passkey(house.gate, link, "Hanako", answer, PARTY, HOME, NOW))
    assert (done.account.role, done.account.password_changed) == (Role.ADMIN, 0)
    assert isinstance(sign_in.begin_setup_passkey(house.gate, link, "x", PARTY, NOW), Refusal)
    entered(enter(house, key))
    for password in ("", GOOD):
        refused = sign_in.sign_in_password(house.gate, "hanako", password, HOME, NOW)
        assert refused == Refusal(Why.WRONG)
    (kept,) = sign_in.my_passkeys(house.gate, done.account)
    with pytest.raises(AuthorisationError):
        sign_in.remove_passkey(house.gate, done.account, done.session, kept.id, NOW)
    late = sign_in.change_password
    with pytest.raises(AuthorisationError):
        late(house.gate, done.account, done.session, "", GOOD, HOME, NOW + HOUR)
    now = entered(late(house.gate, done.account, done.session, "", GOOD, HOME, NOW))
    assert sign_in.remove_passkey(house.gate, now.account, now.session, kept.id, NOW)
    assert enter(house, key) == NO


def test_passkeys_do_not_wait_for_strangers(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    added(house, boss, key)
    for _ in range(9):
        sign_in.sign_in_password(house.gate, "hanako", "wrong", STRANGER, NOW)
    assert sign_in.sign_in_password(house.gate, "hanako", GOOD, STRANGER, NOW).why is Why.WAIT
    entered(enter(house, key))


def test_an_answer_serves_once_and_in_time(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    key.counts = False  # as many do: then only the challenge shows a replay
    added(house, boss, key)
    answer = key.get(sign_in.begin_passkey_sign_in(house.gate, PARTY, NOW))
    assert sign_in.finish_passkey_sign_in(house.gate, answer, PARTY, HOME, NOW + 2 * MINUTE) == NO
    entered(sign_in.finish_passkey_sign_in(house.gate, answer, PARTY, HOME, NOW + 2 * MINUTE - 1))
    assert sign_in.finish_passkey_sign_in(house.gate, answer, PARTY, HOME, NOW + 1) == NO


def test_an_answer_is_for_one_thing(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    added(house, boss, key)
    confirming = key.get(sign_in.begin_confirm_passkey(house.gate, boss.account, PARTY, NOW))
    assert sign_in.finish_passkey_sign_in(house.gate, confirming, PARTY, HOME, NOW) == NO
    entering = key.get(sign_in.begin_passkey_sign_in(house.gate, PARTY, NOW))
    confirm = sign_in.finish_confirm_passkey
    assert confirm(house.gate, boss.account, boss.session, entering, PARTY, HOME, NOW) == NO
    other = gate_of(house.database, key=b"x" * 32)
    foreign = key.get(sign_in.begin_passkey_sign_in(other, PARTY, NOW))
    assert sign_in.finish_passkey_sign_in(house.gate, foreign, PARTY, HOME, NOW) == NO


def test_proving_again(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    added(house, boss, key)
    late = NOW + 20 * MINUTE
    options = sign_in.begin_confirm_passkey(house.gate, boss.account, PARTY, late)
    assert [one["id"] for one in json.loads(options)["allowCredentials"]]
    done = entered(
        sign_in.finish_confirm_passkey(
            house.gate, boss.account, boss.session, key.get(options), PARTY, HOME, late
        )
    )
    assert sign_in.recently_authenticated(house.gate, done.session, late)
    assert house.whoami(boss, late) is None


def test_another_persons_passkey_proves_nothing_of_mine(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    taro = house.person(boss, "Taro", Role.VIEWER)
    added(house, taro, key)
    answer = key.get(sign_in.begin_confirm_passkey(house.gate, boss.account, PARTY, NOW))
    done = sign_in.finish_confirm_passkey(house.gate, boss.account, boss.session, answer, PARTY, HOME, NOW)
    assert done == NO


@pytest.mark.parametrize("lie", ["origin", "unverified", "absent", "count", "key", "host"])
def test_what_must_fit(house: House, lie: str) -> None:
    boss, key = house.admin(), Authenticator()
    key.count = 5
    added(house, boss, key)
    entered(enter(house, key))
    before = len(house.log())
    party = PARTY
    if lie == "origin":
        key.origin = "https://console.example.attacker.test"
    elif lie == "unverified":
        key.flags = PRESENT
    elif lie == "absent":
        key.flags = VERIFIED
    elif lie == "count":
        key.count = 2  # a copy of the key that lags behind
    elif lie == "key":
        key.key = Authenticator().key
    else:
        party = RelyingParty("other.example", PARTY.origins)
    answer = key.get(sign_in.begin_passkey_sign_in(house.gate, PARTY, NOW))
    assert sign_in.finish_passkey_sign_in(house.gate, answer, party, HOME, NOW) == NO
    (failed,) = house.log()[before:]
    assert (failed.act, failed.object) == ("sign-in-failed", "account Hanako")


@pytest.mark.parametrize("lie", ["origin", "unverified"])
def test_what_must_fit_when_registering(house: House, lie: str) -> None:
    boss, key = house.admin(), Authenticator()
    if lie == "origin":
        key.origin = "http://console.example"
    else:
        key.flags = PRESENT
    answer = key.create(sign_in.begin_add_passkey(house.gate, boss.account, boss.session, PARTY, NOW))
    done = sign_in.finish_add_passkey(house.gate, boss.account, boss.session, answer, "k", PARTY, NOW)
    assert done == NO
    assert sign_in.my_passkeys(house.gate, boss.account) == ()


def test_one_key_is_of_one_account(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    taro = house.person(boss, "Taro", Role.VIEWER)
    added(house, boss, key)
    answer = key.create(sign_in.begin_add_passkey(house.gate, taro.account, taro.session, PARTY, NOW))
    done = sign_in.finish_add_passkey(house.gate, taro.account, taro.session, answer, "k", PARTY, NOW)
    assert done == NO


@pytest.mark.parametrize("answer", [
    "", "null", "[]", "{}", '{"id": "x"}', '{"id": 3, "response": {}}', '{"id": "AAAA", "response": {"clientDataJSON": "!!"}}',
    '{"id": "AA", "response": {"clientDataJSON": "bnVsbA"}}', '{"id": "é", "response": {"clientDataJSON": "e30"}}',
    "x" * 70_000, "\ud800", ('{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": '
    '"eyJjaGFsbGVuZ2UiOiJBQUFBIn0", "attestationObject": "oA", "authenticatorData": "AA", "signature": "AA"}}'),
])  # fmt: skip
def test_what_strangers_send(house: House, answer: str) -> None:
    boss = house.admin()
    before = len(house.log())
    assert sign_in.finish_passkey_sign_in(house.gate, answer, PARTY, HOME, NOW) == NO
    done = sign_in.finish_add_passkey(house.gate, boss.account, boss.session, answer, "k", PARTY, NOW)
    assert done == NO
    confirm = sign_in.finish_confirm_passkey
    assert confirm(house.gate, boss.account, boss.session, answer, PARTY, HOME, NOW) == NO
    assert len(house.log()) == before  # made-up ones fill no log


def test_broken_octets_in_a_real_answer(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    options = sign_in.begin_add_passkey(house.gate, boss.account, boss.session, PARTY, NOW)
    answer = json.loads(key.create(options))
    for broken in ("", "oA", "AAAA", "v" * 4000, "pGNmbXQ"):
        fresh = sign_in.begin_add_passkey(house.gate, boss.account, boss.session, PARTY, NOW)
        client = json.loads(key.create(fresh))["response"]["clientDataJSON"]
        body = answer | {"response": {"clientDataJSON": client, "attestationObject": broken}}
        done = sign_in.finish_add_passkey(
            house.gate, boss.account, boss.session, json.dumps(body), "k", PARTY, NOW
        )
        assert done == NO, broken


def test_own_passkeys_want_a_recent_proof_and_a_name(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    kept = added(house, boss, key)
    late = NOW + HOUR
    with pytest.raises(AuthorisationError):
        sign_in.begin_add_passkey(house.gate, boss.account, boss.session, PARTY, late)
    with pytest.raises(AuthorisationError):
        sign_in.remove_passkey(house.gate, boss.account, boss.session, kept.id, late)
    with pytest.raises(DescriptionError):
        sign_in.finish_add_passkey(house.gate, boss.account, boss.session, "{}", " ", PARTY, NOW)
    for wrong in ("", "x", "\0"):
        assert not sign_in.remove_passkey(house.gate, boss.account, boss.session, wrong, NOW)


def test_a_disabled_account_does_not_come_in_by_passkey(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    taro = house.person(boss, "Taro", Role.VIEWER)
    added(house, taro, key)
    sign_in.disable_person(house.gate, boss.account, boss.session, taro.account.id, NOW)
    assert enter(house, key) == NO


def test_a_new_start_by_passkey_ends_the_password(house: House) -> None:
    boss, key = house.admin(), Authenticator()
    taro = house.person(boss, "Taro", Role.VIEWER)
    link = sign_in.renew_link(house.gate, boss.account, boss.session, taro.account.id, NOW)
    options = sign_in.begin_setup_passkey(house.gate, link, "", PARTY, NOW)
    entered(sign_in.finish_setup_passkey(house.gate, link, "", key.create(options), PARTY, HOME, NOW))
    assert sign_in.sign_in_password(house.gate, "taro", GOOD, HOME, NOW) == Refusal(Why.WRONG)
    entered(enter(house, key))


@pytest.mark.parametrize(("origin", "host"), [
    ("https://console.example", "console.example"), ("https://console.example:8443", "console.example"),
    ("http://localhost:8080", "localhost"), ("http://127.0.0.1:8080", None), ("https://192.0.2.1", None),
    ("https://[2001:db8::1]", None), ("http://console.example", None), ("", None), ("ftp://x", None),
])  # fmt: skip
def test_where_passkeys_work(origin: str, host: str | None) -> None:
    found = RelyingParty.of(origin)
    assert (found.id if found else None) == host
