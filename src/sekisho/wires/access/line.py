"""A telnet line: text in and out over a connection, waiting for prompts, with bounds on bytes and time."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sekisho.errors import PeerFailure
from sekisho.formats.telnet import Telnet, escape
from sekisho.ports import Clock, Connection

MOST_TEXT = 64 * 1024
QUIET_SECONDS = 1.0
# A prompt that stands this long is meant: nothing follows it. A shell may stand in the middle of a message.
SETTLED = {"login": 0.02, "password": 0.02, "new-code": 0.05, "shell": 0.15}
_TAIL = 400
_ANSI = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Za-z0-9]|[=>78cDEHMNOZ])"
)

NEW_CODE = re.compile(
    r"(?:new|\(current\)|current|retype|新しい)[^\n]{0,24}(?:password|パスワード)[^\n]{0,12}[:：]\s*$",
    re.IGNORECASE,
)
PASSWORD = re.compile(
    r"(?:pass ?word|passwd|pass ?code|pass ?phrase|\bpin\b|パスワード|暗証番号)[^\n]{0,30}[:：>]\s*$",
    re.IGNORECASE,
)
LOGIN = re.compile(
    r"(?:log ?in|user ?name|user ?id|\buser|account(?: name)?|ユーザー?(?:名|[ -]?ID)|ログイン(?:名|ID)?)[^\n\w]{0,3}[:：>]\s*$",
    re.IGNORECASE,
)
SHELL = re.compile(r"(?:^|\n)[^\n]{0,80}[#$%>]\s?$")
PROMPTS: Mapping[str, re.Pattern[str]] = {
    "new-code": NEW_CODE,
    "password": PASSWORD,
    "login": LOGIN,
    "shell": SHELL,
}
ASKING = {"login", "password"}


class Line:
    """Reads text until a prompt stands at its end. ``text`` is what came since the last `say`."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock
        self.telnet = Telnet()
        self.text = ""
        self._received = 0
        self.closed = False

    async def say(self, line: str) -> None:
        """Send ``line`` and the end of line; what came before is forgotten."""
        self.text = ""
        await self._connection.send(escape(f"{line}\n".encode()))

    async def prompt(self, seconds: float, marker: str = "", quiet: float = QUIET_SECONDS) -> str:
        """Wait for the name of a prompt, ``marker``, ``idle`` (text, then nothing), ``silent`` or ``closed``.

        A peer that sends without end raises PeerFailure("too-large") or ("too-slow").
        """
        deadline = self._clock.monotonic() + seconds
        heard = self._clock.monotonic()
        while True:
            if marker and marker in self.text:
                return "marker"
            now = self._clock.monotonic()
            standing = self._standing()
            settled = now - heard >= (SETTLED[standing] if standing else quiet)
            if standing and settled and not (marker and standing == "shell" and now - heard < quiet):
                return standing
            if self.text.strip() and settled and not standing and not marker and now - heard >= quiet * 3:
                return "idle"
            if now >= deadline:
                if self.text.strip() and now - heard < quiet:
                    raise PeerFailure("too-slow", "text without end")
                return standing or ("idle" if self.text.strip() else "silent")
            if self.closed:
                return standing if standing in ASKING else "closed"
            if await self._more(min(deadline - now, SETTLED[standing] + 0.01 if standing else quiet / 2)):
                heard = self._clock.monotonic()

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()

    def _standing(self) -> str:
        tail = self.text[-_TAIL:]
        return next((name for name, pattern in PROMPTS.items() if pattern.search(tail)), "")

    async def _more(self, seconds: float) -> bool:
        try:
            data = await self._connection.receive(16_384, max(0.01, seconds))
        except PeerFailure as failure:
            if failure.reason == "timed-out":
                return False
            if failure.reason in {"reset", "closed"}:
                self.closed = True
                return False
            raise
        if not data:
            self.closed = True
            return False
        text, answer = self.telnet.feed(data)
        self._received += len(data)
        if answer:
            await self._connection.send(answer)
        if self._received > MOST_TEXT or self.telnet.storm:
            raise PeerFailure("too-large", "options without end" if self.telnet.storm else "text without end")
        self.text = _ANSI.sub("", self.text + decode(text)).replace("\r\n", "\n").replace("\r", "\n")
        return bool(text)


def decode(data: bytes) -> str:
    """Read a shell's bytes: UTF-8, else cp932, else Latin-1."""
    for charset in ("utf-8", "cp932"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
