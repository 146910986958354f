"""Signing in over HTTP: forms, JSON, Basic and Digest; and looking at what it opened."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from sekisho.errors import PeerFailure
from sekisho.formats.digest import Challenge, basic, digest, read_challenges
from sekisho.formats.html import Markup, read_markup
from sekisho.formats.http import Reply
from sekisho.formats.recipe import fill
from sekisho.formats.signs import says_change, says_locked
from sekisho.model.terminal import Code, Login, Recipe
from sekisho.ports import Clock, Endpoint, Net, Reading, SignIn
from sekisho.wires.access.browser import Browser, Landing
from sekisho.wires.access.look import Look, fingerprint, look, same
from sekisho.wires.access.outcome import Outcome, failed
from sekisho.wires.access.session import HttpSession, bearer

MOST_GUARDED = 3
_UNSENT = frozenset({"refused", "unreachable"})
_OK = range(200, 300)
_UNAUTHORISED = 401


class Seen(NamedTuple):
    """What a session saw: accepted or not or not to be told, how, and whether a change was urged."""

    accepted: bool | None
    proof: str
    prompted: bool = False
    locked: bool = False


class BasicCredentials:
    """Sends the code along with every request, without being asked (RFC 7617)."""

    def __init__(self, code: Code) -> None:
        self._header = basic(code.user, str(code.password))

    def header(self, method: str, uri: str) -> str:
        """Return the header's value."""
        del method, uri
        return self._header

    def learn(self, reply: Reply) -> bool:
        """A refusal stays one."""
        del reply
        return False


class DigestCredentials:
    """Answers the terminal's challenge; asks again only for a first or a stale nonce (RFC 7616 §3.3)."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._challenge: Challenge | None = None
        self._count = 0
        self.unsupported = False

    def header(self, method: str, uri: str) -> str:
        """Return the header's value; empty before the first challenge."""
        if self._challenge is None:
            return ""
        self._count += 1
        made = digest(
            self._challenge,
            self._code.user,
            str(self._code.password),
            method=method,
            uri=uri,
            cnonce=secrets.token_hex(8),
            count=self._count,
        )
        self.unsupported = made is None
        return made or ""

    def learn(self, reply: Reply) -> bool:
        """Take the challenge of a 401; SHA-256 before MD5."""
        offered = [one for one in read_challenges(reply.every("www-authenticate")) if one.scheme == "digest"]
        offered.sort(key=lambda one: not one.parameters.get("algorithm", "").upper().startswith("SHA-256"))
        if not offered:
            return False
        first = self._challenge is None
        stale = offered[0].parameters.get("stale", "").lower() == "true"
        if first or (stale and self._count > 0):
            again = first or self._challenge != offered[0]
            self._challenge, self._count = offered[0], 0
            return again
        return False


class WebLogin:
    """Signs in at one terminal's web logins; remembers what each login's refusals look like."""

    def __init__(self, net: Net, clock: Clock, clean: Callable[[str], str]) -> None:
        self._net, self._clock, self._clean = net, clock, clean
        self._refused: dict[str, set[tuple[object, ...]]] = {}
        self._welcome: dict[str, set[tuple[object, ...]]] = {}
        self._opened: dict[str, set[str]] = {}
        self._formless: set[str] = set()
        self.learnt: dict[str, str] = {}

    def anonymous(self, endpoint: Endpoint) -> HttpSession:
        """Return a session without any right."""
        return HttpSession(Browser(self._net, endpoint, self._clock), self._clean, self.learnt)

    async def sign_in(
        self, login: Login, endpoint: Endpoint, code: Code | None, *, measuring: bool
    ) -> Outcome:
        """Try ``code``; None looks whether the pages open without any."""
        session = self.anonymous(endpoint)
        if code is None:
            return await self._without(login, session)
        if login.kind in {"basic", "digest"}:
            return await self._by_header(login, session, code, measuring=measuring)
        return await self._by_form(login, session, code, measuring=measuring)

    # -- forms and JSON ---------------------------------------------------------------------------

    async def _by_form(self, login: Login, session: HttpSession, code: Code, *, measuring: bool) -> Outcome:
        values = {"user": code.user, "password": str(code.password)}
        before = None
        try:
            recipe, page = await self._prepare(login, session)
            if recipe is None:
                return failed("unsupported", sent=False, detail="no login form found")
            if page is not None:
                before = page.words
        except PeerFailure as failure:
            return failed(failure.reason, sent=False, detail=failure.detail)
        try:
            landing = await session.request(recipe, values, page=page)
        except PeerFailure as failure:
            return failed(failure.reason, sent=failure.reason not in _UNSENT, detail=failure.detail)
        session.browser.referer = landing.path
        self._take_token(login, session, recipe, landing)
        reading, seen = session.read(recipe, landing), look(landing)
        locked = seen.locked and not (before is not None and says_locked(before))
        told = await self._told(login, session, landing, locked=locked, measuring=measuring)
        urged = seen.urges and not (before is not None and says_change(before))
        if urged and told.proof == "proof-absent":
            # The code was taken, but nothing else opens before it is changed (a forced first change).
            self._refused[login.name].discard(fingerprint(landing))
            told = Seen(True, "change-demanded", prompted=True)
        prompted = told.accepted is not False and (told.prompted or urged)
        result = SignIn(
            told.accepted, told.proof, landing.seconds, reading, prompted, locked or told.locked, ""
        )
        return Outcome(result, session)

    async def _prepare(self, login: Login, session: HttpSession) -> tuple[Recipe | None, Markup | None]:
        """Fetch the login page when there is one; guess the recipe of an undescribed form."""
        recipe = login.sign_in
        if recipe is not None and login.kind == "json" and not recipe.page:
            return recipe, None
        key = login.name
        if recipe is not None and not recipe.page and key in self._formless:
            return recipe, None
        start = (recipe.page or recipe.path) if recipe is not None else (login.guarded or ("/",))[0]
        landing = await session.browser.go("GET", fill(start, {}))
        session.browser.referer = landing.path
        page = read_markup(landing.reply.text)
        if recipe is not None:
            if not recipe.page and page.login() is None:
                self._formless.add(key)
                return recipe, None
            return recipe, page
        return guess(page, landing.path), page

    def _take_token(self, login: Login, session: HttpSession, recipe: Recipe, landing: Landing) -> None:
        if login.kind != "json" and not recipe.json and not recipe.pattern:
            return
        reading = session.read(recipe, landing)
        value = reading.value if recipe.json or recipe.pattern else None
        session.token = bearer(landing.first.text, value)
        if session.token:
            session.browser.headers["Authorization"] = f"Bearer {session.token}"

    async def _told(
        self, login: Login, session: HttpSession, landing: Landing, *, locked: bool, measuring: bool
    ) -> Seen:
        """Decide by what can be seen. While measuring, a reply known from refusals is believed at once."""
        print_ = fingerprint(landing)
        refused = self._refused.setdefault(login.name, set())
        welcome = self._welcome.setdefault(login.name, set())
        if measuring and locked:
            return Seen(False, "locked", locked=True)
        if measuring and welcome and print_ in refused and print_ not in welcome:
            return Seen(False, "same-as-refused")
        try:
            told = await self._compare(login, session, landing)
        except PeerFailure as failure:
            return Seen(None, f"failed {failure.reason}")
        if told.accepted is not None:
            (welcome if told.accepted else refused).add(print_)
        return told

    # -- Basic and Digest -------------------------------------------------------------------------

    async def _by_header(self, login: Login, session: HttpSession, code: Code, *, measuring: bool) -> Outcome:
        path = _first_path(login)
        stranger = self.anonymous(session.browser.endpoint)
        credentials = BasicCredentials(code) if login.kind == "basic" else DigestCredentials(code)
        baseline: Look | None = None
        try:
            if not measuring:
                landing = await stranger.browser.go("GET", path)
                baseline = look(landing)
                offered = {one.scheme for one in read_challenges(landing.reply.every("www-authenticate"))}
                if baseline.status == _UNAUTHORISED and offered and login.kind not in offered:
                    detail = f"offers {', '.join(sorted(offered))}"
                    return failed("unsupported", sent=False, detail=detail)
        except PeerFailure as failure:
            return failed(failure.reason, sent=False, detail=failure.detail)
        session.browser.credentials = credentials
        try:
            landing = await session.browser.go("GET", path)
        except PeerFailure as failure:
            return failed(failure.reason, sent=failure.reason not in _UNSENT, detail=failure.detail)
        if isinstance(credentials, DigestCredentials) and credentials.unsupported:
            return failed("unsupported", sent=False, detail="an algorithm or qop of Digest")
        seen, reading = look(landing), session.read(Recipe(path=path), landing)
        told = _by_status(seen, baseline, measuring=measuring)
        if told.accepted is None and not seen.locked and not measuring and login.proof is not None:
            told = await self._told(login, session, landing, locked=False, measuring=False)
        prompted = told.accepted is not False and seen.urges
        return Outcome(
            SignIn(told.accepted, told.proof, landing.seconds, reading, prompted, seen.locked), session
        )

    # -- looking ----------------------------------------------------------------------------------

    async def _compare(self, login: Login, session: HttpSession, landing: Landing) -> Seen:
        """Compare what the session sees with what a stranger sees."""
        stranger = self.anonymous(session.browser.endpoint)
        paths: list[str] = []
        if login.proof is not None:
            told = await self._proof(login.proof, session, stranger)
            if told is not None:
                return told
            paths.append(login.proof.path)
        paths += [path for path in login.guarded if path not in paths]
        last = Seen(None, "no-difference")
        for path in (paths or ["/"])[:MOST_GUARDED]:
            mine, theirs = await self._both(session, stranger, path)
            told = self._differ(login.name, path, mine, theirs)
            if told.accepted is not None:
                return told
            last = told
        if not session.browser.cookies and not session.token and landing.first.status in {400, 401, 403, 422}:
            return Seen(False, "no-session-given")
        return last

    async def _proof(self, proof: Recipe, session: HttpSession, stranger: HttpSession) -> Seen | None:
        """Read the proof signed in and as a stranger; None when it proves nothing either way."""
        if not (proof.json or proof.pattern):
            return None
        mine = await session.run(proof)
        if mine.failure:
            raise PeerFailure(mine.failure)
        if mine.value is None:
            return Seen(False, "proof-absent")
        theirs = await stranger.run(proof)
        if theirs.failure:
            raise PeerFailure(theirs.failure)
        if theirs.value is None:
            return Seen(True, "proof")
        return None

    async def _both(self, session: HttpSession, stranger: HttpSession, path: str) -> tuple[Look, Look]:
        mine = look(await session.browser.go("GET", path))
        return mine, look(await stranger.browser.go("GET", path))

    def _differ(self, name: str, path: str, mine: Look, theirs: Look) -> Seen:
        opened = self._opened.setdefault(name, set())
        if mine.refuses:
            return Seen(False, f"refused {path}", locked=mine.locked)
        if same(mine, theirs):
            # A page that once opened wider than to a stranger is guarded, and this code did not open it.
            return (
                Seen(False, f"as-anonymous {path}") if path in opened else Seen(None, f"no-difference {path}")
            )
        if mine.locked:
            return Seen(False, f"locked {path}", locked=True)
        if mine.status not in _OK and mine.status != 0:
            return Seen(None, f"status {mine.status} {path}")
        opened.add(path)
        return Seen(True, f"opened {path}", prompted=mine.urges)

    async def _without(self, login: Login, session: HttpSession) -> Outcome:
        """Look whether a stranger sees what only a signed-in user should."""
        try:
            told, reading = await self._stranger_sees(login, session)
        except PeerFailure as failure:
            return failed(failure.reason, sent=False, detail=failure.detail)
        return Outcome(SignIn(told.accepted, told.proof, 0.0, reading, told.prompted), session, sent=False)

    async def _stranger_sees(self, login: Login, session: HttpSession) -> tuple[Seen, Reading]:
        if login.proof is not None and (login.proof.json or login.proof.pattern):
            reading = await session.run(login.proof)
            if reading.value is not None:
                return Seen(True, "proof"), reading
        paths = list(login.guarded) or ([login.proof.path] if login.proof is not None else [])
        nowhere = look(await session.browser.go("GET", f"/{secrets.token_hex(6)}.html"))
        verdicts: list[bool | None] = []
        reading = Reading(None)
        for path in (paths or ["/"])[:MOST_GUARDED]:
            landing = await session.browser.go("GET", path)
            seen, reading = look(landing), session.read(Recipe(path=path), landing)
            if seen.refuses:
                verdicts.append(False)
            elif seen.status not in _OK or same(seen, nowhere) or not paths:
                verdicts.append(None)
            else:
                return Seen(True, f"open {path}", seen.urges), reading
        closed = bool(verdicts) and all(one is False for one in verdicts)
        return Seen(False if closed else None, "guarded" if closed else "no-difference"), reading


def guess(page: Markup, path: str) -> Recipe | None:
    """Make the sign-in recipe of an undescribed login form; None when the page has none."""
    form = page.login()
    if form is None or not form.passwords[0]:
        return None
    fields = {form.passwords[0]: "{password}"}
    if form.texts:
        fields = {form.texts[0]: "{user}", **fields}
    base, action = path.partition("?")[0], form.action
    if not action:
        action = base
    elif not action.startswith("/"):
        action = action.partition("://")[2].partition("/")[2] if "://" in action else action
        action = action if action.startswith("/") else f"{base.rpartition('/')[0]}/{action}"
    return Recipe(method=form.method, path=action, encoding=form.encoding, fields=fields)


def _first_path(login: Login) -> str:
    if login.guarded:
        return login.guarded[0]
    recipe = login.sign_in or login.proof
    return recipe.path if recipe is not None else "/"


def _by_status(seen: Look, baseline: Look | None, *, measuring: bool) -> Seen:
    """A 401 that is gone *and* another page in its place: only both together count."""
    if seen.status == _UNAUTHORISED or seen.refuses:
        return Seen(False, "refused", locked=seen.locked)
    if seen.locked:
        return Seen(False, "locked", locked=True)
    if seen.status not in _OK:
        return Seen(None, f"status {seen.status}")
    if baseline is None:
        return Seen(True if measuring else None, "401-gone")
    if baseline.status != _UNAUTHORISED:
        return Seen(None, "open")
    return Seen(None, "no-difference") if same(seen, baseline) else Seen(True, "opened")
