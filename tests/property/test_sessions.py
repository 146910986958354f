"""The life of sessions as a state machine: whatever people and the clock do, who is let in is who a plain model says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fakes.gate import BETTER, GOOD, HOME, HOUR, MINUTE, NOW, House, entered
from sekisho.errors import AuthorisationError
from sekisho.model.account import Permission, Role
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import SignedIn

PEOPLE = ("Hanako", "Taro")
IDLE, ABSOLUTE, TOUCH = 30 * MINUTE, 12 * HOUR, MINUTE


class Held(msgspec.Struct):
    """What the plain model knows of one session: whose, since when, when the store last noted it, whether it ended."""

    token: SignedIn
    name: str
    begun: int
    seen: int
    over: bool = False


class Sessions(RuleBasedStateMachine):
    """Two people with their browsers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.house = House(Path(self.folder.name))
        self.at = NOW
        self.held: list[Held] = []
        self.password = dict.fromkeys(PEOPLE, GOOD)
        self.disabled = False

    @initialize()
    def begin(self) -> None:
        boss = self.house.admin(PEOPLE[0], self.at)
        self.boss = boss
        self.keep(PEOPLE[0], boss)
        self.keep(PEOPLE[1], self.house.person(boss, PEOPLE[1], Role.ADMIN, self.at))

    def keep(self, name: str, token: SignedIn) -> None:
        self.held.append(Held(token, name, self.at, self.at))

    def live(self, one: Held) -> bool:
        """What the plain model says; the account's own state apart."""
        quiet, age = self.at - one.seen, self.at - one.begun
        return (
            not one.over and quiet < IDLE and age < ABSOLUTE and not (one.name == PEOPLE[1] and self.disabled)
        )

    def end(self, name: str, but: SignedIn | None = None) -> None:
        for one in self.held:
            if one.name == name and one.token is not but:
                one.over = True

    def someone(self, name: str) -> Held | None:
        return next((one for one in self.held if one.name == name and self.live(one)), None)

    @rule(minutes=st.sampled_from([1, 5, 14, 29, 30, 31, 200, 719, 720]))
    def wait(self, minutes: int) -> None:
        self.at += minutes * MINUTE

    @rule(name=st.sampled_from(PEOPLE), right=st.booleans())
    def sign_in(self, name: str, right: bool) -> None:
        password = self.password[name] if right else "not the password"
        done = sign_in.sign_in_password(self.house.gate, name, password, HOME, self.at)
        if right and not (self.disabled and name == PEOPLE[1]) and isinstance(done, SignedIn):
            self.keep(name, done)
        else:
            assert not isinstance(done, SignedIn)

    @rule(pick=st.integers(0, 99))
    def ask(self, pick: int) -> None:
        one = self.held[pick % len(self.held)]
        found = self.house.whoami(one.token, self.at)
        assert (found is not None) is self.live(one)
        if found is not None:
            assert found[0].name == one.name
            if self.at - one.seen >= TOUCH:
                one.seen = self.at

    @rule(pick=st.integers(0, 99))
    def leave(self, pick: int) -> None:
        one = self.held[pick % len(self.held)]
        sign_in.sign_out(self.house.gate, one.token.session, self.at)
        one.over = True

    @rule(name=st.sampled_from(PEOPLE))
    def end_others(self, name: str) -> None:
        one = self.someone(name)
        if one is not None:
            account = self.house.gate.accounts.account(one.token.account.id)
            assert account is not None
            sign_in.end_other_sessions(self.house.gate, account, one.token.session, self.at)
            self.end(name, one.token)

    @rule(name=st.sampled_from(PEOPLE))
    def change(self, name: str) -> None:
        one = self.someone(name)
        if one is None:
            return
        found = self.house.whoami(one.token, self.at)
        assert found is not None
        old = self.password[name]
        new = BETTER if old == GOOD else GOOD
        done = sign_in.change_password(self.house.gate, *found, old, new, HOME, self.at)
        if isinstance(done, SignedIn):
            self.password[name] = new
            self.end(name)
            self.keep(name, done)
        else:  # only the brake may say no: it is looked at by `whoami` below that nothing ended
            assert done.why is sign_in.Why.WAIT
            if self.at - one.seen >= TOUCH:
                one.seen = self.at
            return

    @precondition(lambda self: not self.disabled)
    @rule()
    def disable(self) -> None:
        one = self.someone(PEOPLE[0])
        if one is None:
            return
        other = self.house.gate.accounts.named("taro")
        account = self.house.gate.accounts.account(one.token.account.id)
        assert other is not None
        assert account is not None
        try:
            sign_in.disable_person(self.house.gate, account, one.token.session, other.id, self.at)
        except AuthorisationError:
            assert self.at - one.token.session.authenticated >= 15 * MINUTE
        else:
            self.disabled = True
            self.end(PEOPLE[1])

    @precondition(lambda self: self.disabled)
    @rule()
    def enable(self) -> None:
        """What ended with the account stays ended when it is enabled again."""
        one = self.someone(PEOPLE[0])
        other = self.house.gate.accounts.named("taro")
        if one is None or self.at - one.token.session.authenticated >= 15 * MINUTE:
            return
        account = self.house.gate.accounts.account(one.token.account.id)
        assert other is not None
        assert account is not None
        sign_in.enable_person(self.house.gate, account, one.token.session, other.id, self.at)
        self.disabled = False

    @precondition(lambda self: self.disabled)
    @rule()
    def reset(self) -> None:
        entered_ = entered(
            sign_in.redeem_setup(
                self.house.gate, sign_in.reset(self.house.gate, "taro", self.at), "", GOOD, HOME, self.at
            )
        )
        self.disabled = False
        self.password[PEOPLE[1]] = GOOD
        self.end(PEOPLE[0])
        self.end(PEOPLE[1])
        self.keep(PEOPLE[1], entered_)

    @invariant()
    def lists_say_the_same(self) -> None:
        for name in PEOPLE:
            account = self.house.gate.accounts.named(name.lower())
            if account is None:
                continue
            listed = {one.id for one in sign_in.my_sessions(self.house.gate, account, self.at)}
            wanted = {one.token.session.id for one in self.held if one.name == name and self.live(one)}
            if account.enabled:
                assert listed == wanted
            assert account.may(Permission.SEE) is account.enabled

    def teardown(self) -> None:
        assert self.house.gate.audit.verify().whole
        self.house.database.close()
        self.folder.cleanup()


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
