"""A web-managed terminal as a model: it answers requests in this process, with the habits that it is given.

It stands behind `ports.Net`, so the probes and the real access layer talk to it as they would to a device:
pages, cookies, forms, 429s and closed ports. Time is real for short delays and jumps over long waits.
"""

from __future__ import annotations

import asyncio
import html
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply, Request
from sekisho.model.terminal import (
    Code,
    Interface,
    LockRule,
    Login,
    Recipe,
    Reset,
    Role,
    Service,
    Setting,
    Terminal,
)
from sekisho.ports import Endpoint, Scan

LAN, WAN = "192.0.2.1", "198.51.100.1"
FIRST, SECOND = "192.0.2.10", "192.0.2.11"
READ_DNS = r'name="dns" value="([^"]*)"'


class JumpClock:
    """Real time, but a long sleep is a jump: the device sees the same clock."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.offset)

    def monotonic(self) -> float:
        return time.monotonic() + self.offset

    async def sleep(self, seconds: float) -> None:
        if seconds >= 0.5:
            self.offset += seconds
            seconds = 0.0
        await asyncio.sleep(seconds)


@dataclass
class Habits:
    """How the device behaves. ``delay`` seconds after each wrong code; ``lock_scope``: source or account."""

    password: str = "Owner-7291"
    preset: str = "admin"
    factory: bool = False
    asks: bool = True  # False: no sign-in at all
    takes_anything: bool = False
    guards_writes: bool = True
    guards_reads: bool = True
    always_200: bool = True
    pages: int = 6
    hidden: str = ""  # a page that opens without signing in
    low_may_write: bool = False
    writes_work: bool = True
    wan: bool = False
    wan_guards: bool = True
    prompts: bool = True
    forces: bool = True
    api_before_change: bool = False
    skips: bool = False
    takes_same: bool = False
    shortest: int = 8
    refuses_weak: bool = True
    change_works: bool = True
    delay: float = 0.0
    delay_serial_only: bool = False
    lock_after: int = 0
    lock_seconds: float = 600.0
    lock_scope: str = "source"
    doubling: float = 0.0  # after three free tries each wrong one doubles the wait, up to so many seconds
    silent_lock: bool = False
    crash_on: int = 0
    also: tuple[tuple[str, str], ...] = ()  # further accounts


@dataclass
class WebDevice:
    """The model; ``wrong`` counts every code that it looked at and refused."""

    habits: Habits = field(default_factory=Habits)
    clock: JumpClock = field(default_factory=JumpClock)

    def __post_init__(self) -> None:
        self.reset_now()
        self.wrong = 0
        self.resets = 0
        self.most_in_a_row = 0
        self.seen_codes: list[tuple[str, str]] = []

    def reset_now(self) -> None:
        """Go to the start: factory state, or set up with the owner's password."""
        first = self.habits.factory
        self.password = self.habits.preset if first else self.habits.password
        self.must_change = first
        self.dns = "192.0.2.53"
        self.sessions: dict[str, tuple[str, bool]] = {}
        self.failures: dict[str, list[float]] = {}
        self.locked: dict[str, float] = {}
        self.turn = asyncio.Lock()
        self.dead = False

    async def factory_reset(self) -> None:
        self.resets += 1
        self.habits.factory = True
        self.reset_now()

    # -- ports.Net ---------------------------------------------------------------------------------

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        there = (endpoint.address == LAN) or (endpoint.address == WAN and self.habits.wan)
        shown = {80: not self.dead, 8081: True} if there else {}
        found = tuple(port for port in ports if shown.get(port))
        return Scan(
            endpoint.address, "tcp", found, (), (), len(ports) - len(found), len(ports), len(ports), 0.0
        )

    async def open(self, endpoint: Endpoint) -> None:
        raise PeerFailure("refused")

    async def ask(
        self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16
    ) -> tuple[()]:
        return ()

    async def fetch(self, endpoint: Endpoint, request: Request) -> Reply:
        there = endpoint.address == LAN or (endpoint.address == WAN and self.habits.wan)
        if not there or self.dead or endpoint.port != 80:
            raise PeerFailure("refused" if there else "timed-out")
        if endpoint.tls:
            raise PeerFailure("tls")
        before = time.monotonic()
        status, headers, body = await self._answer(request, endpoint)
        kind = ("Content-Type", "text/html; charset=utf-8")
        return Reply(status, "", (kind, *headers), body.encode(), seconds=time.monotonic() - before)

    # -- the pages ---------------------------------------------------------------------------------

    async def _answer(self, request: Request, endpoint: Endpoint):
        path = request.path.partition("?")[0]
        wan = endpoint.address == WAN
        fields = {key: one[0] for key, one in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        cookie = next((value for name, value in request.headers if name.lower() == "cookie"), "")
        token = cookie.partition("sid=")[2].partition(";")[0]
        user, pending = self.sessions.get(token, ("", False))
        if request.method == "POST" and path == "/login":
            return await self._login(fields, endpoint.source)
        if request.method == "POST" and path == "/change":
            return self._change(token, user, fields)
        return self._page(request.method, path, fields, user, pending, wan)

    def _page(self, method, path, fields, user, pending, wan):
        guarding = self.habits.asks and not (wan and not self.habits.wan_guards)
        barred = pending and self.habits.forces
        owner = user == "admin" and not barred
        if method == "POST" and path == "/dns":
            may = owner or not guarding or not self.habits.guards_writes
            may = (
                may
                or (user == "guest" and self.habits.low_may_write)
                or (pending and self.habits.api_before_change)
            )
            if may and self.habits.writes_work:
                self.dns = fields.get("dns", self.dns)
            return (200, (), self._front()) if not may else (200, (), self._dns())
        if path == "/login":
            return 200, (), self._front()
        if user and barred and not (path == "/dns" and self.habits.api_before_change):
            return 200, (), self._change_page()
        if path == "/change" and user:
            return 200, (), self._change_page()
        if path == self.habits.hidden or owner or user == "guest" or not guarding:
            return self._inside(path, pending)
        if path == "/dns" and (not self.habits.guards_reads or (pending and self.habits.api_before_change)):
            return self._inside(path, pending)
        if self.habits.always_200:
            return 200, (), self._front()
        return 302, (("Location", "/login"),), ""

    def _inside(self, path, pending):
        if path == "/":
            links = "".join(
                f'<a href="/page{n}.html">Page {"abcdefghijklmnopqrstuvwxyzabcdefghij"[n]}</a>'
                for n in range(self.habits.pages)
            )
            urge = "<p>Please change your default password.</p>" if pending and self.habits.prompts else ""
            hidden = f'<a href="{self.habits.hidden}">secret corner</a>' if self.habits.hidden else ""
            return (
                200,
                (),
                f'<title>Router</title>{urge}<h1>Menu of the router</h1><a href="/dns">Name server</a><a href="/logout">bye</a>{links}{hidden}',
            )
        if path == "/dns":
            return 200, (), self._dns()
        if path == self.habits.hidden:
            return (
                200,
                (),
                "<title>Corner</title><h1>Remote logging and mirror of traffic</h1><form method=post><input name=syslog value=''><input name=mirror></form>",
            )
        if path.startswith("/page") and path.endswith(".html"):
            name = "abcdefghijklmnopqrstuvwxyzabcdefghij"[int(path[5:-5])]
            return (
                200,
                (),
                f"<title>Page {name}</title><h1>Settings of part {name * 5}</h1><form method=post action='{path}'><input name='value{name}' value='5'><select name=mode{name}><option>on</select></form>",
            )
        return (
            (200, (), self._front())
            if self.habits.always_200
            else (404, (), "<title>404</title>nothing here")
        )

    def _front(self, note=""):
        return (
            f"<title>Sign in</title><h1>Router sign-in</h1><p>{html.escape(note)}</p><form method=post action=/login>"
            "<input name=user><input type=password name=password></form>"
        )

    def _dns(self):
        return (
            "<title>Name server</title><h1>Name server of the router</h1><form method=post action=/dns>"
            f'<input name="dns" value="{html.escape(self.dns)}"></form><p>uptime {time.monotonic():.3f}</p>'
        )

    def _change_page(self):
        return (
            "<title>New password</title><p>You must change your default password.</p><form method=post action=/change>"
            "<input type=password name=old><input type=password name=new></form>"
        )

    # -- signing in --------------------------------------------------------------------------------

    async def _login(self, fields, source):
        user, password = fields.get("user", ""), fields.get("password", "")
        key = source if self.habits.lock_scope == "source" else user
        if self.locked.get(key, 0.0) > self.clock.monotonic():
            return (
                (200, (), self._front("incorrect"))
                if self.habits.silent_lock
                else (429, (), "Too many attempts, try again later")
            )
        if self.habits.takes_anything or self._right(user, password):
            self.failures.pop(key, None)
            token = secrets.token_hex(8)
            self.sessions[token] = (user if user == "guest" else "admin", self.must_change)
            if self.must_change and self.habits.skips:
                self.must_change = False
            goal = "/change" if self.must_change and (self.habits.forces or self.habits.prompts) else "/"
            return 302, (("Location", goal), ("Set-Cookie", f"sid={token}; Path=/")), ""
        self.seen_codes.append((user, password))
        self.wrong += 1
        rows = self.failures.setdefault(key, [])
        rows.append(self.clock.monotonic())
        self.most_in_a_row = max(self.most_in_a_row, len(rows))
        if self.habits.crash_on and self.wrong >= self.habits.crash_on:
            self.dead = True
            raise PeerFailure("reset")
        if self.habits.lock_after and len(rows) >= self.habits.lock_after:
            self.locked[key] = self.clock.monotonic() + self.habits.lock_seconds
            rows.clear()
        if self.habits.doubling and self.count_of(key) > 3:
            wait = min(self.habits.doubling, 2.0 ** (self.count_of(key) - 4))
            self.locked[key] = self.clock.monotonic() + wait
        if self.habits.delay_serial_only:
            await asyncio.sleep(self.habits.delay)
        elif self.habits.delay:
            async with self.turn:
                await asyncio.sleep(self.habits.delay)
        return 200, (), self._front("incorrect user name or password")

    def count_of(self, key: str) -> int:
        return len(self.failures.get(key, []))

    def _right(self, user, password):
        accounts = {("admin", self.password), ("guest", "Guest-5521"), *self.habits.also}
        return (user, password) in accounts

    def _change(self, token, user, fields):
        new = fields.get("new", "")
        weak = len(set(new)) < 3 or new in {"123456789012", "7ujMko0admin"}
        fine = len(new) >= self.habits.shortest and not (weak and self.habits.refuses_weak)
        same = new == self.password
        if user != "admin" or fields.get("old") != self.password or not self.habits.change_works:
            return 200, (), self._change_page()
        if (same and not self.habits.takes_same) or (not same and not fine):
            return 200, (), self._change_page()
        self.password, self.must_change = new, False
        self.sessions[token] = (user, False)
        return 302, (("Location", "/"),), ""


def describe(
    habits: Habits, *, wan: bool = False, second: bool = True, low: bool = True, lock: bool = False
) -> Terminal:
    """Return the description that the maker of this device would write."""
    sources = (FIRST, SECOND) if second else (FIRST,)
    sides = [Interface("lan", Role.LAN, (LAN,), sources)]
    if wan:
        sides.append(Interface("wan", Role.WAN, (WAN,), ("198.51.100.10",)))
    login = Login(
        name="web",
        service="http",
        kind="form",
        preset=Code("admin", habits.preset),
        current=Code("admin", habits.password),
        low=Code("guest", "Guest-5521") if low else None,
        sign_in=Recipe("POST", "/login", page="/login", fields={"user": "{user}", "password": "{password}"}),
        proof=Recipe(path="/dns", pattern=READ_DNS),
        guarded=("/dns", "/page1.html"),
        change=Recipe("POST", "/change", fields={"old": "{old}", "new": "{new}"}),
        lock=LockRule(habits.lock_after, habits.lock_seconds) if lock else None,
    )
    setting = Setting(
        "dns",
        "web",
        read=Recipe(path="/dns", pattern=READ_DNS),
        write=Recipe("POST", "/dns", fields={"dns": "{value}"}),
        values=("192.0.2.53", "192.0.2.54"),
    )
    return Terminal(
        maker="Example",
        model="R1",
        interfaces=tuple(sides),
        services=(Service("http", "http", 80), Service("other", "http", 8081)),
        logins=(login,),
        settings=(setting,),
        reset=Reset("command", ("reset",), 5.0),
    )
