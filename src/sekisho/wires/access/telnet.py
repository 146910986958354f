"""Signing in by telnet: prompts, a code, and a shell that proves itself by saying a nonce back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from sekisho.errors import PeerFailure
from sekisho.formats.recipe import extract, fill
from sekisho.formats.signs import says_change, says_locked, says_wrong
from sekisho.model.assessment import Limits
from sekisho.model.terminal import Code, Login, Recipe
from sekisho.ports import Clock, Endpoint, Net, Reading, SignIn
from sekisho.wires.access.line import ASKING, Line
from sekisho.wires.access.outcome import Outcome, failed
from sekisho.wires.access.session import EXCERPT, NoSession

POKE_SECONDS = 3.0
ANSWER_SECONDS = 5.0


class TelnetLogin:
    """Signs in at the telnet services of one terminal."""

    def __init__(self, net: Net, clock: Clock, limits: Limits, clean: Callable[[str], str]) -> None:
        self._net, self._clock, self._limits, self._clean = net, clock, limits, clean

    async def sign_in(self, login: Login, endpoint: Endpoint, code: Code | None) -> Outcome:
        """Try ``code`` at the prompts; None only looks whether a shell stands open."""
        del login
        try:
            line = Line(await self._net.open(endpoint), self._clock)
        except PeerFailure as failure:
            return failed(failure.reason, sent=False, detail=failure.detail)
        attempt = _Attempt(line, self._clock, self._limits.read_seconds)
        try:
            accepted, proof = await attempt.go(code)
        except PeerFailure as failure:
            await line.close()
            return failed(
                failure.reason, attempt.seconds, sent=attempt.sent, detail=self._clean(failure.detail)
            )
        result = SignIn(
            accepted=accepted,
            proof=proof,
            seconds=attempt.seconds,
            reply=Reading(
                None, excerpt=self._clean(attempt.said.strip())[:EXCERPT], length=len(attempt.said)
            ),
            prompted=attempt.prompted,
            locked=says_locked(attempt.said),
        )
        if accepted and proof in {"nonce", "prompt", "open nonce", "open prompt"}:
            return Outcome(
                result, TelnetSession(line, self._limits.read_seconds, self._clean, proof), attempt.sent
            )
        await line.close()
        return Outcome(result, NoSession("closed"), attempt.sent)


class TelnetSession:
    """A shell over telnet; runs the command of a recipe and reads its output."""

    def __init__(self, line: Line, seconds: float, clean: Callable[[str], str], proof: str) -> None:
        self._line, self._seconds, self._clean = line, seconds, clean
        self._marks = proof.endswith("nonce")

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        """Send the recipe's command; its output is the answer."""
        command = fill(recipe.command, values or {})
        if not command or "\n" in command or "\r" in command:
            return Reading(None, failure="unsupported")
        echo, marker = nonce() if self._marks else ("", "")
        try:
            await self._line.say(f"{command}; {echo}" if echo else command)
            ended = await self._line.prompt(self._seconds, marker)
        except PeerFailure as failure:
            return Reading(None, failure=failure.reason)
        output = self._line.text.partition(marker)[0] if marker else self._line.text
        output = output.partition("\n")[2] if command[:40] in output.partition("\n")[0] else output
        if not marker:
            output = output.rpartition("\n")[0]
        elif ended == "marker":
            await self._settle()
        return Reading(
            extract(output, recipe.json, recipe.pattern),
            length=len(output),
            excerpt=self._clean(output.strip())[:EXCERPT],
            failure="closed" if ended == "closed" else "timed-out" if marker and ended != "marker" else "",
        )

    async def _settle(self) -> None:
        """Read the prompt that follows, so that it is not taken for the next command's output."""
        try:
            await self._line.prompt(1.0, quiet=0.2)
        except PeerFailure:
            return

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        """Say that a telnet line takes no files."""
        del recipe, image, name
        return Reading(None, failure="unsupported")

    async def close(self) -> None:
        """Hang up."""
        await self._line.close()


def nonce() -> tuple[str, str]:
    """Return a command and what only its execution prints: an echo of the command itself is no proof."""
    word = secrets.token_hex(5)
    return f'echo se"ki"{word}', f"seki{word}"


class _Attempt:
    """One walk through the prompts; ``sent`` turns True when the code goes out."""

    def __init__(self, line: Line, clock: Clock, seconds: float) -> None:
        self._line, self._clock, self._wait = line, clock, seconds
        self.sent = False
        self.prompted = False
        self.said = ""
        self.seconds = 0.0

    async def go(self, code: Code | None) -> tuple[bool | None, str]:
        """Return whether it was accepted, and how that is known."""
        state = await self._first()
        if state == "shell":
            accepted, proof = await self._prove()
            # An open shell asked for no code, so no code was accepted: that is another finding.
            return (accepted, f"open {proof}") if code is None else (None, "open")
        if code is None:
            return (False, f"asks {state}") if state in ASKING else (None, state)
        if state == "login":
            await self._line.say(code.user)
            state = await self._next()
            if state in {"shell", "idle"} and not says_wrong(self.said):
                self.sent = True
                return await self._prove()
            self.sent = state != "silent"
        if state != "password":
            return self._ended(state)
        self.sent = True
        started = self._clock.monotonic()
        await self._line.say(str(code.password))
        state = await self._next()
        self.seconds = self._clock.monotonic() - started
        return await self._after(state)

    async def _after(self, state: str) -> tuple[bool | None, str]:
        if state == "new-code" or (state not in ASKING and says_change(self.said)):
            self.prompted = True
            if state == "new-code":
                return True, "change-prompt"
        if state in ASKING:
            return False, "asks again"
        if state in {"closed", "silent"}:
            return self._ended(state)
        if state == "idle" and says_wrong(self.said) and not self.prompted:
            return False, "says no"
        return await self._prove()

    def _ended(self, state: str) -> tuple[bool | None, str]:
        if state == "silent":
            raise PeerFailure("timed-out", "no prompt")
        if state == "closed" and not self.sent:
            raise PeerFailure("closed", "before a code was asked for")
        return False, state

    async def _first(self) -> str:
        """Wait for the first prompt; some terminals want a key first."""
        state = await self._line.prompt(min(POKE_SECONDS, self._wait))
        if state in {"silent", "idle"}:
            self.said += self._line.text
            await self._line.say("")
            state = await self._line.prompt(self._wait)
        self.said += self._line.text
        return state

    async def _next(self) -> str:
        state = await self._line.prompt(self._wait)
        self.said += self._line.text
        return state

    async def _prove(self) -> tuple[bool | None, str]:
        command, marker = nonce()
        await self._line.say(command)
        state = await self._line.prompt(ANSWER_SECONDS, marker)
        self.said += self._line.text
        if state == "marker":
            try:
                await self._line.prompt(1.0, quiet=0.2)
            except PeerFailure:
                return True, "nonce"
            return True, "nonce"
        if state == "shell":
            return True, "prompt"
        return (False, "asks again") if state in ASKING else (None, state)
