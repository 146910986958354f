"""The contract of the stores of signing in, on both engines: what is stored, and who wins when many come at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from contract.database.people import MINUTE, RULES, account, act, link, passkey, session, token
from contract.database.places import HEAD, NOW, OPENED, ended, opened, program
from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, StoreError
from sekisho.language import Language
from sekisho.model.account import LinkPurpose, Role
from sekisho.model.audit import Act, AuditEntry
from sekisho.stores.database import (
    Database,
    SqlAccounts,
    SqlAudit,
    SqlBrake,
    SqlPasskeys,
    SqlSessions,
    SqlTokens,
)
from sekisho.stores.database import accounts as accounts_module

PEOPLE = HEAD + "from contract.database.people import *\nfrom sekisho.stores.database import *\n" + OPENED
OFF = Role.VIEWER


@pytest.fixture
def accounts(database: Database) -> SqlAccounts:
    return SqlAccounts(database)


def first(accounts: SqlAccounts) -> Any:
    accounts.make_link(link(), act())
    return accounts.redeem(link(), account(), act("set-up"), session(), secret="h1")


def second(accounts: SqlAccounts, role: Role = Role.ADMIN) -> Any:
    new = account("a2", "Jiro", role)
    accounts.add(new, link("l2", "a2"), act("add-account"))
    held = accounts.account("a2")
    assert held is not None
    return accounts.redeem(link("l2", "a2"), held, act("set-up"), session("s2", "a2"), secret="h2")


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each gave or raised, all begun at the same moment."""
    found: list[object] = []
    gate = threading.Barrier(len(acts))

    def run(one: Callable[[], object]) -> None:
        gate.wait()
        try:
            found.append(one())
        except (StoreError, AuthorisationError, DescriptionError) as error:
            found.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return found


def test_what_is_stored_is_read(database: Database, accounts: SqlAccounts) -> None:
    stored = first(accounts)
    assert stored == account(revision=1)
    assert accounts.account("a1") == accounts.named("佐藤") == stored
    assert accounts.accounts() == (stored,)
    assert accounts.secret("a1") == "h1"
    assert SqlSessions(database).session(session().id) == (stored, session())
    jiro = second(accounts)
    assert accounts.accounts() == (jiro, stored)  # by code point: Latin before kanji
    for nobody in ("", "x", "\0", "\ud800"):
        assert accounts.account(nobody) is None
        assert accounts.named(nobody) is None
    assert accounts.link(link().id) == link(used=NOW)


def test_an_act_that_cannot_be_recorded_does_not_happen(database: Database, accounts: SqlAccounts) -> None:
    stored = first(accounts)
    jiro = second(accounts)
    nul = Act("x", "admin", "bad\0act", "o", NOW)
    sessions, passkeys, tokens = SqlSessions(database), SqlPasskeys(database), SqlTokens(database)
    for attempt in (
        lambda: accounts.make_link(link("l9", "a1"), nul),
        lambda: accounts.add(account("a9", "Nine"), link("l9", "a9"), nul),
        lambda: accounts.change(msgspec.structs.replace(jiro, disabled=NOW), nul, secret="h9", sessions=()),
        lambda: accounts.end_everything(link("l9", "a1"), nul),
        lambda: sessions.open(session("s9"), stored, nul, most=9),
        lambda: sessions.end("a1", [session().id], nul),
        lambda: passkeys.add(passkey(), nul, most=9),
        lambda: tokens.add(token(), nul, most=9),
    ):
        with pytest.raises(StoreError):
            attempt()
    assert accounts.accounts() == (jiro, stored)
    assert accounts.link(link("l9").id) is None
    assert accounts.secret("a2") == "h2"
    assert sessions.of("a1") == (session(),)
    assert passkeys.of("a1") == ()
    assert tokens.of("a1") == ()


def test_one_of_two_who_redeem_a_link_wins(accounts: SqlAccounts) -> None:
    accounts.make_link(link(), act())
    done = at_once(*(
        lambda name=name: accounts.redeem(link(), account(f"a-{name}", name), act(), session(name, f"a-{name}"), secret="h")
        for name in "abcdefgh"
    ))  # fmt: skip
    assert len(done) == 8
    assert done.count(None) == 7
    (winner,) = accounts.accounts()
    assert winner in done


def test_one_of_two_processes_wins_the_link_of_an_account(address: str) -> None:
    database = opened(address)
    accounts = SqlAccounts(database)
    first(accounts)
    accounts.add(account("a2", "Jiro", OFF), link("l2", "a2"), act())
    code = """
    store = SqlAccounts(database)
    held = store.account("a2")
    done = store.redeem(link("l2", "a2"), held, act(), session(sys.argv[2], "a2"), secret=sys.argv[2])
    print("lost" if done is None else "won")
    """
    runs = [program(code, address, name, head=PEOPLE) for name in "pqr"]
    said = [ended(running)[-1] for running in runs]
    assert sorted(said) == ["lost", "lost", "won"]
    winner = "pqr"[said.index("won")]
    assert accounts.secret("a2") == winner
    assert [one.id for one in SqlSessions(database).of("a2")] == [session(winner).id]
    database.close()


def test_two_links_of_first_admins_make_one(accounts: SqlAccounts) -> None:
    """The later link is made while the earlier is being redeemed: never two first admins."""
    accounts.make_link(link("l1"), act())
    at_once(
        lambda: accounts.redeem(link("l1"), account("a1", "one"), act(), session("s1", "a1"), secret="h"),
        lambda: accounts.make_link(link("l2"), act()),
    )
    accounts.redeem(link("l2"), account("a2", "two"), act(), session("s2", "a2"), secret="h")
    assert len(accounts.accounts()) == 1
    with pytest.raises(AuthorisationError):
        accounts.make_link(link("l3"), act())


@pytest.mark.parametrize("wrong", ["used", "unknown", "late", "early", "void"])
def test_links_that_do_not_open(accounts: SqlAccounts, wrong: str) -> None:
    first(accounts)
    accounts.add(account("a2", "Jiro", OFF), link("l2", "a2"), act())
    held = accounts.account("a2")
    assert held is not None
    chosen, at = link("l2", "a2"), NOW
    if wrong == "used":
        held = accounts.redeem(chosen, held, act(), session("s2", "a2"), secret="h2")
        assert held is not None
    elif wrong == "unknown":
        chosen = link("l7", "a2")
    elif wrong == "late":
        at = chosen.expires
    elif wrong == "early":
        at = NOW - 1
    else:
        accounts.make_link(link("l3", "a2"), act())
    before = accounts.secret("a2")
    assert accounts.redeem(chosen, held, act(at=at), session("s9", "a2"), secret="h9") is None
    assert accounts.secret("a2") == before


def test_a_new_start_leaves_nothing_of_before(database: Database, accounts: SqlAccounts) -> None:
    stored = first(accounts)
    passkeys, tokens, brake = SqlPasskeys(database), SqlTokens(database), SqlBrake(database)
    passkeys.add(passkey(), act(), most=5)
    tokens.add(token(), act(), most=5)
    brake.remember("a1", ["browser:x"], NOW, 0)
    accounts.make_link(link("l2", "a1", LinkPurpose.START), act())
    accounts.redeem(link("l2", "a1"), stored, act(), session("s2"), passkey=passkey("new"))
    assert accounts.secret("a1") == ""
    assert [one.id for one in passkeys.of("a1")] == ["new"]
    assert tokens.of("a1") == ()
    assert brake.known("a1", ["browser:x"], 0) == frozenset()
    assert SqlSessions(database).of("a1") == (session("s2"),)


def test_names_are_unique(accounts: SqlAccounts) -> None:
    first(accounts)
    done = at_once(*(
        lambda n=n: accounts.add(account(f"x{n}", "Ｔaro"), link(f"x{n}", f"x{n}"), act()) for n in range(4)
    ))  # fmt: skip
    assert sum(isinstance(one, ConflictError) for one in done) == 3
    assert [one.folded for one in accounts.accounts()] == ["taro", "佐藤"]


def test_an_older_revision_is_refused(accounts: SqlAccounts) -> None:
    stored = first(accounts)
    changed = accounts.change(msgspec.structs.replace(stored, language=Language.EN), act())
    assert changed.revision == 2
    with pytest.raises(ConflictError):
        accounts.change(stored, act(), secret="other")
    assert accounts.secret("a1") == "h1"


def test_two_admins_who_disable_each_other(accounts: SqlAccounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has changed its row and looked around before the other has ended, if the store lets them come so far."""
    one, two = first(accounts), second(accounts)
    meeting, real = threading.Barrier(2), accounts_module.chained

    def late(connection: Connection, done: Act) -> AuditEntry:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(1.5)
        return real(connection, done)

    monkeypatch.setattr(accounts_module, "chained", late)
    done = at_once(
        lambda: accounts.change(msgspec.structs.replace(one, disabled=NOW), act(), sessions=()),
        lambda: accounts.change(msgspec.structs.replace(two, role=OFF), act(), sessions=()),
    )
    assert sum(isinstance(found, AuthorisationError) for found in done) == 1
    left = [found for found in accounts.accounts() if found.enabled and found.role is Role.ADMIN]
    assert len(left) == 1


def test_an_admin_who_has_not_come_yet_is_none(accounts: SqlAccounts) -> None:
    stored = first(accounts)
    accounts.add(account("a2", "Jiro"), link("l2", "a2"), act())
    with pytest.raises(AuthorisationError):
        accounts.change(msgspec.structs.replace(stored, role=OFF), act())
    assert accounts.account("a1") == stored


def test_sessions(database: Database, accounts: SqlAccounts) -> None:
    stored, jiro = first(accounts), second(accounts)
    sessions = SqlSessions(database)
    sessions.open(session("s3", last_seen=NOW + 5), stored, act(at=NOW + 7), most=2)
    assert [one.id for one in sessions.of("a1")] == [session("s3").id, session().id]
    sessions.open(session("s4", last_seen=NOW + 6), stored, act(), most=2)
    assert [one.id for one in sessions.of("a1")] == [session("s4").id, session("s3").id]
    sessions.open(session("s5", last_seen=NOW + 9), stored, act(), most=9, instead_of=session("s3").id)
    assert {one.id for one in sessions.of("a1")} == {session("s4").id, session("s5").id}
    sessions.open(session("s6"), stored, act(), most=9, instead_of=session("s2", "a2").id)
    assert sessions.session(session("s2").id) is not None  # another's is left alone
    assert accounts.account("a1") == msgspec.structs.replace(stored, last_sign_in=NOW)
    sessions.touch(session("s5").id, NOW + 2)
    assert sessions.of("a1")[0].last_seen == NOW + 9
    sessions.touch(session("s5").id, NOW + 20)
    assert sessions.of("a1")[0].last_seen == NOW + 20
    assert sessions.end("a2", [session("s5").id, "\0", "nothing"], act()) == 0
    assert sessions.end("a1", [session("s5").id, session("s4").id], act("end-session")) == 2
    assert SqlAudit(database).entries()[-1].details == {"source": "192.0.2.7", "sessions": 2}
    assert sessions.expire(seen=NOW - 1, expires=NOW) == 0
    assert sessions.expire(seen=NOW, expires=NOW) == 2
    assert sessions.of("a1") == sessions.of("a2") == ()
    assert jiro.enabled


def test_no_session_for_what_was_changed_or_disabled(database: Database, accounts: SqlAccounts) -> None:
    stored = first(accounts)
    jiro = second(accounts)
    accounts.change(stored, act())
    off = accounts.change(msgspec.structs.replace(jiro, disabled=NOW), act())
    for stale in (stored, jiro, off):
        with pytest.raises(ConflictError):
            SqlSessions(database).open(session("s9", stale.id), stale, act(), most=9)


def test_the_end_of_everything_leaves_no_session_of_a_sign_in_under_way(
    database: Database, accounts: SqlAccounts
) -> None:
    stored = first(accounts)
    sessions = SqlSessions(database)
    done = at_once(
        lambda: accounts.end_everything(link("l9", "a1", LinkPurpose.RESET), act()),
        *(
            lambda n=n: sessions.open(session(f"n{n}"), stored, act(), most=99)  # type: ignore[misc]
            for n in range(6)
        ),
    )
    assert len(done) == 7
    assert not [one for one in done if isinstance(one, StoreError) and not isinstance(one, ConflictError)]
    assert sessions.of("a1") == ()


def test_passkeys(database: Database, accounts: SqlAccounts) -> None:
    first(accounts)
    second(accounts)
    store = SqlPasskeys(database)
    store.add(passkey(), act(), most=2)
    with pytest.raises(ConflictError):
        store.add(passkey(of="a2"), act(), most=2)
    store.add(passkey("k2", added=NOW + 1), act(), most=2)
    with pytest.raises(DescriptionError):
        store.add(passkey("k3"), act(), most=2)
    assert [one.id for one in store.of("a1")] == ["cred-1_A", "k2"]
    assert store.passkey("cred-1_A") == passkey()
    assert store.passkey("\0") is None
    done = at_once(*(lambda: store.used(passkey(), 4, NOW + 9) for _ in range(4)))
    assert sorted(map(str, done)) == ["False", "False", "False", "True"]
    assert store.passkey("cred-1_A") == passkey(sign_count=4, last_used=NOW + 9)
    assert not store.remove("a2", "k2", act())
    assert store.remove("a1", "k2", act())
    assert not store.remove("a1", "k2", act())


def test_the_last_proof_stays(database: Database, accounts: SqlAccounts) -> None:
    accounts.make_link(link(), act())
    accounts.redeem(link(), account(), act(), session(), passkey=passkey())
    store = SqlPasskeys(database)
    store.add(passkey("k2"), act(), most=5)
    done = at_once(lambda: store.remove("a1", "cred-1_A", act()), lambda: store.remove("a1", "k2", act()))
    assert sum(isinstance(one, AuthorisationError) for one in done) == 1
    assert len(store.of("a1")) == 1


def test_a_challenge_is_spent_once(database: Database) -> None:
    store = SqlPasskeys(database)
    done = at_once(*(lambda: store.spend("c1", NOW + 5, NOW) for _ in range(6)))
    assert done.count(True) == 1
    assert store.spend("c2", NOW + 5, NOW)
    assert not store.spend("c1", NOW + 5, NOW + 4)
    assert store.spend("c3", NOW + 99, NOW + 50)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT id FROM spent_challenges").scalars().all() == ["c3"]


def test_tokens(database: Database, accounts: SqlAccounts) -> None:
    stored = first(accounts)
    store = SqlTokens(database)
    store.add(token(), act(), most=2)
    store.add(token("sk_2", created=NOW + 1), act(), most=2)
    with pytest.raises(DescriptionError):
        store.add(token("sk_3"), act(), most=2)
    assert [one.id for one in store.of("a1")] == [token("sk_2").id, token().id]
    assert store.token(token().id) == (stored, token())
    assert store.token("x") is None
    store.used(token().id, NOW + 3)
    store.used(token().id, NOW + 1)
    assert store.token(token().id) == (stored, token(last_used=NOW + 3))
    assert not store.remove("a2", token().id, act())
    assert store.remove("a1", token().id, act())
    assert store.token(token().id) is None


def test_tries_at_once_are_counted_one_by_one(database: Database) -> None:
    brake = SqlBrake(database)
    done = at_once(*(lambda: brake.book(["name:x", "place:y"], NOW, RULES) for _ in range(12)))
    assert done.count(0) == 5
    assert set(done) == {0, 5000}
    assert brake.failures("name:x", NOW, RULES) == brake.failures("place:y", NOW, RULES) == 5
    assert brake.book(["place:y", "name:z"], NOW, RULES) == 5000
    assert brake.failures("name:z", NOW, RULES) == 0


def test_two_processes_count_together(address: str) -> None:
    code = "print(sum(SqlBrake(database).book(['name:x'], NOW, RULES) == 0 for _ in range(20)))"
    runs = [
        program("from contract.database.places import NOW\n" + code, address, head=PEOPLE) for _ in range(3)
    ]
    assert sum(int(ended(running)[0]) for running in runs) == 5


def test_given_back_and_forgotten(database: Database) -> None:
    brake = SqlBrake(database)
    for _ in range(4):
        assert brake.book(["name:x", "place:y"], NOW, RULES) == 0
    assert brake.give_back(["name:x"], ["place:y"], NOW, RULES) == 4
    assert (brake.failures("name:x", NOW, RULES), brake.failures("place:y", NOW, RULES)) == (0, 3)
    brake.book(["name:other"], NOW + RULES.forget + MINUTE, RULES)
    with database.reading() as connection:
        assert connection.exec_driver_sql('SELECT "key" FROM sign_in_counts').scalars().all() == [
            "name:other"
        ]


def test_marks(database: Database, accounts: SqlAccounts) -> None:
    first(accounts)
    second(accounts)
    brake = SqlBrake(database)
    brake.remember("a1", ["browser:x", "place:y"], NOW, 0)
    brake.remember("a1", ["place:y"], NOW + 9, 0)
    brake.remember("a1", [], NOW + 9, NOW + 9)
    assert brake.known("a1", ["browser:x", "place:y", "z"], NOW + 1) == {"place:y"}
    assert brake.known("a2", ["browser:x", "place:y"], 0) == frozenset()
    brake.remember("a2", ["browser:q"], NOW + 10, NOW + 5)
    assert brake.known("a1", ["browser:x", "place:y"], 0) == {"place:y"}
