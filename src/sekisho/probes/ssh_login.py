"""SSH: is a shell offered, and which codes open it.

Question:
    Does any interface offer SSH, does it open without a code, with nonsense, with the preset code, with codes
    that malware tries (Mirai) or with codes that follow from the user name, maker or model?

How:
    Connects to ports 22 and 2222, to declared SSH services and to open ports that belong to no declared
    service, at every address, and reads the identification (RFC 4253 section 4.2). Codes go by password or
    keyboard-interactive, each once; old servers get short lists of methods before a lost line counts. Accepted
    is what the server accepts (RFC 4252); a nonce said back shows the shell. Nonsense codes are the negative
    control, the right code the positive one. Right logins stand between the guesses; a used-up budget or a
    lock ends them.

Evidence:
    Transcript of each connection (encrypted after the key exchange) and the steps of the login in words:
    server, host key, method, answer. Codes of the description never appear; pairs of public lists do.

Limits:
    Public keys are not tried. An account without a known right code gets as many guesses as the limits allow
    in a row, and the rest is reported as skipped. A port that filters is told from a dead terminal only when
    another port answers.

Source:
    端末設備等規則 第34条の10 第一号, 第二号; 令和6年総務省令第11号 第3条; RFC 4252, RFC 4253, RFC 4256;
    mirai/bot/scanner.c (61 pairs); EN 303 645 5.1-1, 5.6-1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.codes import MIRAI, derived, shape
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.shell_facts import documented, login_facts, offered
from sekisho.model.shell_login import (
    LATE,
    PUBLIC,
    Door,
    Guess,
    Round,
    about,
    allowed_row,
    declared_guesses,
    doors,
    public_guesses,
    told,
    unreached,
    users,
    walk,
)
from sekisho.model.terminal import Code, Terminal
from sekisho.ports import Endpoint, Wire

PORTS = (22, 2222)
GREETING_SECONDS = 2.5
MOST_GREETING = 8192
MOST_ODD = 40
_IDENTIFICATION = re.compile(rb"(?:^|\n)SSH-\d+\.\d+-[^\r\n]{0,253}(?=\r?\n)")
_GIST = Text(
    ja="SSH（22、2222番、申告されたポート、用途不明の開放ポート）に接続し、識別符号なし・でたらめ・出荷時・公知の61組・推測しやすい符号を、ロックされない範囲で試す",
    en="connect to SSH (22, 2222, declared ports, open ports of unknown use) and try no code, nonsense, the preset "
    "code, 61 public pairs and guessable codes, staying below any lock",
)


class SshLogin:
    """The probe; see the module's text."""

    name = "ssh_login"
    version = "1"
    risk = Risk.LOGIN
    title = Text(ja="SSHによるログイン", en="Login by SSH")
    facts: Mapping[str, Text] = documented("SSH")

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say what will be sent; empty without any address."""
        return (_GIST,) if doors(terminal, "ssh", PORTS) else ()

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Look at every door, then try the logins of those that answer."""
        found = [
            (one.address, one.port)
            for one in wire.found
            if one.transport == "tcp" and one.protocol in {"", "unknown", "ssh"}
        ]
        places = doors(terminal, "ssh", PORTS, found[:MOST_ODD])
        if not places:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "not-described"))
        answering: dict[tuple[str, int], Door] = {}
        for door in places:
            record = await wire.step(
                f"ssh/door/{door.interface} {door.address} {door.port}", _look(wire, door)
            )
            if record.data.get("speaks"):
                answering.setdefault((door.interface, door.port), door)
        lists_done: set[int] = set()
        whole = True
        for door in answering.values():
            whole = await _Tries(terminal, wire, door).all(lists=door.port not in lists_done) and whole
            lists_done.add(door.port)
        if not answering:
            return wire.seal(Attempt(AttemptStatus.DONE, "no-such-service"))
        return wire.seal(Attempt(AttemptStatus.DONE) if whole else Attempt(AttemptStatus.PARTIAL, "budget"))

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive what was offered and what opened."""
        yield from offered(evidence, "ssh")
        yield from login_facts(evidence, "ssh", "ssh")


class _Tries:
    """The tries at one door."""

    def __init__(self, terminal: Terminal, wire: Wire, door: Door) -> None:
        self._terminal, self._wire, self._door = terminal, wire, door
        self._prefix = f"ssh/login/{door.name}"

    async def all(self, *, lists: bool) -> bool:
        """Do them in order; False when a guess for an own user was skipped (budget), or a lock came up."""
        await self._live("before")
        seed = f"{self._door.name} {self._door.address} {self._wire.clock.now().isoformat()}"
        known = declared_guesses(
            self._terminal, self._door, "Nx7-" + hashlib.sha256(seed.encode()).hexdigest()[:16]
        )
        maker, model = self._terminal.maker, self._terminal.model
        weak = [(user, word) for user in users(self._door) for word in derived(user, maker, model)]
        guesses = public_guesses(MIRAI, weak, known)
        row = allowed_row(self._door, self._wire.limits.wrong_in_a_row)
        tries = walk(self._door, known, guesses if lists else (), row)
        end_of_lists = float("inf")
        try:
            guess = next(tries)
            while True:
                now = self._wire.clock.monotonic()
                if guess.origin in PUBLIC:
                    end_of_lists = min(end_of_lists, now + self._wire.limits.list_seconds)
                late = guess.origin in PUBLIC and now >= end_of_lists
                guess = tries.send(LATE if late else (await self._try(guess)).data)
        except StopIteration as end:
            ended: Round = end.value
        if lists:
            await self._count(ended)
        await self._live("after")
        return ended.whole

    async def _count(self, ended: Round) -> None:
        async def count() -> dict[str, Any]:
            return {**about(self._door, "lists"), "lists": "mirai weak", **msgspec.to_builtins(ended)}

        await self._wire.step(f"{self._prefix}/count", count)

    async def _try(self, guess: Guess) -> Record:
        async def sign_in() -> dict[str, Any]:
            code = None if guess.origin == "none" else Code(guess.user, guess.password)
            result, session = await self._wire.access.sign_in(
                self._door.login, code, source=self._door.source, listed=guess.origin in PUBLIC
            )
            await session.close()
            answer = msgspec.to_builtins(result)
            return told(self._door, guess, answer, shape(guess.user, guess.password))

        return await self._wire.step(f"{self._prefix}/code {guess.step}", sign_in)

    async def _live(self, when: str) -> None:
        known = {**about(self._door, "live"), "when": when}

        async def look() -> dict[str, Any]:
            try:
                seen = await _greeting(self._wire, self._door)
            except PeerFailure as failure:
                return {**known, "live": False, "ended": failure.reason}
            return {**known, "live": bool(seen["speaks"]), "ended": seen["ended"]}

        await self._wire.step(f"{self._prefix}/live {when}", look)


def _look(wire: Wire, door: Door) -> Any:
    async def look() -> dict[str, Any]:
        try:
            return {"door": door.attributes, **await _greeting(wire, door)}
        except PeerFailure as failure:
            return unreached(door, failure.reason)

    return look


async def _greeting(wire: Wire, door: Door) -> dict[str, Any]:
    """Connect and read the identification; lines before it are allowed (RFC 4253 section 4.2)."""
    connection = await wire.net.open(
        Endpoint(door.address, door.port, source=door.source, device=door.device)
    )
    raw, ended = b"", "quiet"
    deadline = wire.clock.monotonic() + GREETING_SECONDS
    try:
        while len(raw) < MOST_GREETING and not _IDENTIFICATION.search(raw):
            left = deadline - wire.clock.monotonic()
            data = await connection.receive(2048, max(0.05, left)) if left > 0 else b""
            if not data:
                ended = "closed" if left > 0 else "quiet"
                break
            raw += data
    except PeerFailure as failure:
        ended = "quiet" if failure.reason == "timed-out" else failure.reason
    finally:
        await connection.close()
    found = _IDENTIFICATION.search(raw)
    speaks: bool | None = found is not None
    if not raw:
        # A port that takes the connection and says nothing may be a server that is out of connections.
        speaks = None if door.port in PORTS or door.declared else False
    said = (found[0] if found else raw[:300]).decode("utf-8", "replace").strip()
    return {"speaks": speaks, "said": said, "ended": ended, "bytes": len(raw)}


PROBE = SshLogin()
