"""A terminal without any preset code: a one-time link opens its set-up, with the faults that it is given."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sekisho.model.terminal import Code, Login, Recipe, Reset, Setting, SetUp, Terminal

from .loopback import loopback_terminal
from .web_server import Asked, Said

OWNER = Code("owner", "Quiet-Rain-on-the-Gate-1")


@dataclass
class SetUpDevice:
    """What it does wrong: each flag is one fault."""

    opens_early: bool = False  # its pages show before anybody has made a code
    takes_any_link: bool = False
    link_serves_again: bool = False
    takes_weak: bool = False
    back_door: Code | None = None  # opens it before the set-up
    breaks: bool = False  # answers every form with a fault of its own
    never_opens: bool = False  # takes the set-up and no code afterwards
    late: bool = False  # the link has run out
    link: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    dns: str = "192.0.2.53"

    async def reset(self) -> None:
        """Go back to how it comes."""
        self.codes, self.sessions = {}, set()
        self.link = f"/set-up/{secrets.token_hex(8)}"

    async def run(self, command: Sequence[str]) -> str:
        """Print a link, or make the guest: what a host's commands do."""
        if command[0] == "after":
            return "guest=4711\nnothing to learn here"
        self.late = False
        self.link = f"/set-up/{secrets.token_hex(8)}"
        return f"started\nhttp://127.0.0.1{self.link}\n"

    async def install(self, command: Sequence[str], image: bytes, name: str) -> str:
        """It can't be updated."""
        raise AssertionError(command)

    def __call__(self, asked: Asked) -> Said:
        """Answer a request."""
        known = asked.cookies.get("sid") in self.sessions
        if asked.method == "POST":
            if self.breaks:
                return Said("fault", 500)
            if asked.path == "/sign-in":
                return self._sign_in(asked)
            if asked.path.startswith("/set-up/"):
                return self._set_up(asked)
            if asked.path == "/dns" and known:
                self.dns = asked.form["dns"]
                return Said("saved")
            return Said("no", 403)
        if asked.path in {"/account", "/dns"} and (known or (self.opens_early and not self.codes)):
            return Said(f"<h1>{asked.path}</h1> end session <input name=dns value={self.dns}>")
        return Said("<form action=/sign-in>sign in", 403 if asked.path != "/sign-in" else 200)

    def _sign_in(self, asked: Asked) -> Said:
        pair = asked.form.get("name", ""), asked.form.get("password", "")
        door = self.back_door
        early = door is not None and not self.codes and pair == (door.user, door.password)
        if early or (self.codes.get(pair[0]) == pair[1] and pair[1] and not self.never_opens):
            return self._in()
        return Said("wrong", 403)

    def _set_up(self, asked: Asked) -> Said:
        right = (asked.path == self.link and not self.late) or self.takes_any_link
        if not right or (self.codes and not (self.link_serves_again or self.takes_any_link)):
            return Said("gone", 410)
        word = asked.form["password"]
        if not self.takes_weak and (
            len(word) < 12 or len(set(word)) < 5 or word in {"123456789012", "7ujMko0admin"}
        ):
            return Said("weak", 422)
        self.codes = {asked.form["name"]: word}
        return self._in() if not self.never_opens else Said("made")

    def _in(self) -> Said:
        token = secrets.token_hex(8)
        self.sessions.add(token)
        return Said("in", 303, (("Set-Cookie", f"sid={token}"), ("Location", "/account")))


def describe(port: int, lifetime: float = 900.0) -> Terminal:
    """Return what its maker says of it."""
    form = {"name": "{user}", "password": "{password}"}
    login = Login(
        "web", "admin", "form", current=OWNER, no_preset=True,
        sign_in=Recipe("POST", "/sign-in", page="/sign-in", fields=form),
        proof=Recipe(path="/account", pattern="(end session)"), guarded=("/account", "/dns"),
        set_up=SetUp(Recipe("POST", "{link}", fields=form), ("link",), ("after",), lifetime),
    )  # fmt: skip
    setting = Setting(
        "dns", "web", Recipe(path="/dns", pattern="value=([0-9.]+)"),
        Recipe("POST", "/dns", fields={"dns": "{value}"}), ("192.0.2.53", "192.0.2.54"),
    )  # fmt: skip
    return loopback_terminal(
        "http", port, logins=(login,), settings=(setting,), reset=Reset("command", ("reset",), 5.0)
    )
