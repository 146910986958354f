"""The access port over a real net: which login by which means, within the budget, noticing locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply
from sekisho.model.assessment import Limits
from sekisho.model.terminal import Code, Login, SecretRef, Terminal
from sekisho.ports import Clock, Endpoint, Net, Reading, Session, SignIn
from sekisho.wires.access.budget import CONTROLS, Budget, Counts
from sekisho.wires.access.discovery import discover
from sekisho.wires.access.outcome import Outcome, failed
from sekisho.wires.access.places import resolve
from sekisho.wires.access.session import NoSession
from sekisho.wires.access.ssh import SshLogin
from sekisho.wires.access.telnet import TelnetLogin
from sekisho.wires.access.web import WebLogin

SLOWER = 3.0
SLOWER_SECONDS = 2.0
_WEB = frozenset({"form", "json", "basic", "digest", "none"})
_SHUT = frozenset({"refused", "reset", "closed", "timed-out"})


class LiveAccess:
    """Signs in at ``terminal`` through ``net``.

    ``counts`` and ``keep`` restore and store the budget (see `Budget`); ``clean`` takes known secrets out of
    excerpts. Without ``codes`` (the risk ``login`` is not allowed) no code is ever sent. Services that are not declared are named ``telnet://address:port``, ``http://[address]:port``.
    """

    def __init__(
        self,
        net: Net,
        terminal: Terminal,
        limits: Limits,
        clock: Clock,
        *,
        counts: Counts | None = None,
        keep: Callable[[dict[str, tuple[int, int, int]]], None] | None = None,
        clean: Callable[[str], str] = str,
        codes: bool = True,
    ) -> None:
        self._codes = codes
        self._terminal = terminal
        self._budget = Budget(limits, counts, keep)
        self._web = WebLogin(net, clock, clean)
        self._telnet = TelnetLogin(net, clock, limits, clean)
        self._ssh = SshLogin(net, clock, limits, clean)
        self._quickest: dict[str, float] = {}
        self._worked: set[str] = set()
        self._right: set[tuple[str, Code]] = set()

    @property
    def counts(self) -> dict[str, tuple[int, int, int]]:
        """The budget's counts per user name, to be journalled and given to the next run."""
        return self._budget.counts

    async def sign_in(
        self,
        login: Login,
        code: Code | None,
        *,
        source: str = "",
        measuring: bool = False,
        listed: bool = False,
    ) -> tuple[SignIn, Session]:
        """Try ``code``; a missing permission, a used-up budget or an unresolved secret sends nothing."""
        if code is not None and login.kind != "none" and not self._codes:
            return _both(failed("not-allowed", sent=False, detail="entering codes is not authorised"))
        if code is not None and isinstance(code.password, SecretRef):
            return _both(failed("unsupported", sent=False, detail="the secret is not resolved"))
        try:
            endpoint = resolve(self._terminal, login.service, source)
        except PeerFailure as failure:
            return _both(failed(failure.reason, sent=False, detail=failure.detail))
        if code is None or login.kind == "none":
            return _both(await self._dispatch(login, endpoint, None, measuring=measuring))
        known = code == (login.current or login.preset) or (login.name, code) in self._right
        share = self._share(code.user) if listed and not known else 0
        if not self._budget.reserve(code.user, login.lock, measuring=measuring, known=known, share=share):
            return _both(failed("budget", sent=False))
        outcome = self._watched(login.name, await self._dispatch(login, endpoint, code, measuring=measuring))
        if outcome.result.accepted:
            self._budget.right(code.user, measuring=measuring)
            self._right.add((login.name, code))
        elif not outcome.sent or (known and (outcome.result.locked or self._shut(login.name, outcome))):
            # A right code that a lock or a closed door keeps out is not a wrong one.
            self._budget.unsent(code.user, measuring=measuring)
        elif known and not measuring:
            self._budget.wrong()
        return _both(outcome)

    async def visit(self, login: Login, *, source: str = "") -> Session:
        """Return an anonymous session at the login's service (web only; a shell has none)."""
        try:
            endpoint = resolve(self._terminal, login.service, source)
        except PeerFailure as failure:
            return NoSession(failure.reason)
        return self._web.anonymous(endpoint) if login.kind in _WEB else NoSession()

    def learn(self, values: Mapping[str, str]) -> None:
        """Keep values for the recipes of every later session."""
        self._web.learnt.update(values)

    def discovered(self, endpoint: Endpoint, pages: Iterable[Reply]) -> tuple[Login, ...]:
        """Return the login paths that ``pages`` of an undescribed web service show."""
        return discover(endpoint, pages)

    def _share(self, user: str) -> int:
        """Return how many wrong logins of ``user`` lists must leave: so many for each path with its codes."""
        paths = [
            one
            for one in self._terminal.logins
            if any(code is not None and code.user == user for code in (one.preset, one.current, one.low))
        ]
        return CONTROLS * max(1, len(paths))

    async def _dispatch(
        self, login: Login, endpoint: Endpoint, code: Code | None, *, measuring: bool
    ) -> Outcome:
        if login.kind == "telnet":
            return await self._telnet.sign_in(login, endpoint, code)
        if login.kind == "ssh":
            return await self._ssh.sign_in(login, endpoint, code)
        if login.kind == "none":
            reading = Reading(None)
            return Outcome(SignIn(None, "no-login", 0.0, reading), self._web.anonymous(endpoint), sent=False)
        if login.kind in _WEB:
            return await self._web.sign_in(login, endpoint, code, measuring=measuring)
        return failed("unsupported", sent=False, detail=f"login kind {login.kind}")

    def _watched(self, name: str, outcome: Outcome) -> Outcome:
        """Notice a lock that isn't said in words: answers that grew slow.

        A service that is shut after it worked may be locked or dead: its failure says what was seen, no more.
        """
        result = outcome.result
        locked = result.locked
        if result.accepted is not None and result.failure not in _SHUT:
            self._worked.add(name)
        if result.accepted is False:
            # Refusals are compared with refusals: many terminals answer these late from the first on.
            quickest = self._quickest.setdefault(name, result.seconds)
            locked = locked or result.seconds > max(quickest * SLOWER, quickest + SLOWER_SECONDS)
            self._quickest[name] = min(quickest, result.seconds)
        return outcome._replace(result=msgspec.structs.replace(result, locked=locked))

    def _shut(self, name: str, outcome: Outcome) -> bool:
        """Tell whether the door was shut before us that had opened before."""
        return outcome.result.failure in _SHUT and name in self._worked


def _both(outcome: Outcome) -> tuple[SignIn, Session]:
    return outcome.result, outcome.session
