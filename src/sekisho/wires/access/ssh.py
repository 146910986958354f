"""Signing in by SSH (RFC 4252 password and keyboard-interactive), also at old and odd servers.

The library gets one end of a local socket pair and the wire's own connection feeds the other, so every
byte goes through scope, rate and transcript. As those bytes are encrypted, the steps of the login are
written down in words beside them. Old dropbear reads only the first twenty host-key algorithms of a client
and drops the line; so a line lost before any code was sent is tried again with short lists, then with the
methods of old devices, and is never called closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from cryptography.utils import CryptographyDeprecationWarning

from sekisho.errors import PeerFailure
from sekisho.formats.recipe import extract, fill
from sekisho.formats.signs import says_change, says_locked
from sekisho.model.assessment import Limits
from sekisho.model.terminal import Code, Login, Recipe
from sekisho.ports import Clock, Connection, Endpoint, Net, Reading, SignIn
from sekisho.wires.access.line import decode
from sekisho.wires.access.outcome import Outcome, failed
from sekisho.wires.access.session import EXCERPT, NoSession
from sekisho.wires.access.telnet import nonce

if TYPE_CHECKING:
    # At import the library runs ldconfig, so each function below that needs it brings it in itself.
    import asyncssh

PROOF_SECONDS = 10.0
_SHORT_KEYS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
_OLD: dict[str, Any] = {
    "server_host_key_algs": ["ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "ssh-ed25519"],
    "kex_algs": [
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha256",
    ],
    "encryption_algs": ["aes128-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc", "3des-cbc"],
    "mac_algs": ["hmac-sha2-256", "hmac-sha1", "hmac-md5", "hmac-sha1-96"],
}
LADDER: tuple[dict[str, Any], ...] = ({}, {"server_host_key_algs": _SHORT_KEYS}, _OLD)
_ANONYMOUS = ("root", "admin")


class SshLogin:
    """Signs in at the SSH services of one terminal; remembers which list of methods a server takes."""

    def __init__(self, net: Net, clock: Clock, limits: Limits, clean: Callable[[str], str]) -> None:
        self._net, self._clock, self._limits, self._clean = net, clock, limits, clean
        self._rung: dict[tuple[str, int], int] = {}

    async def sign_in(self, login: Login, endpoint: Endpoint, code: Code | None) -> Outcome:
        """Try ``code`` once; None asks for the ``none`` method as the declared user, root and admin."""
        if code is not None:
            return await self._try(endpoint, code.user, str(code.password))
        known = [one.user for one in (login.current, login.preset, login.low) if one is not None and one.user]
        outcome = failed("unsupported", sent=False)
        for user in dict.fromkeys((*known, *_ANONYMOUS)):
            outcome = (await self._try(endpoint, user, None))._replace(sent=False)
            if outcome.result.accepted is not False:
                break
        return outcome

    async def _try(self, endpoint: Endpoint, user: str, password: str | None) -> Outcome:
        where = (endpoint.address, endpoint.port)
        start = self._rung.get(where, 0)
        outcome = failed("closed", sent=False)
        for rung in range(start, len(LADDER)):
            client = _client(password, self._clock)
            outcome, again = await self._climb(endpoint, user, client, rung)
            if not again:
                self._rung[where] = rung
                break
        return outcome

    async def _climb(self, endpoint: Endpoint, user: str, client: _Client, rung: int) -> tuple[Outcome, bool]:
        """Connect with one list of methods; True when the next one is worth a try."""
        import asyncssh

        lost_line = (
            asyncssh.ConnectionLost,
            asyncssh.KeyExchangeFailed,
            asyncssh.ProtocolError,
            asyncssh.MACError,
        )
        try:
            pipe = await _Pipe.open(self._net, endpoint)
        except PeerFailure as failure:
            return failed(failure.reason, sent=False, detail=failure.detail), False
        client.note(f"methods list {rung + 1} of {len(LADDER)}; user {user}")
        try:
            wait = self._limits.read_seconds
            made = await asyncio.wait_for(
                _connect(pipe.end, endpoint, user, client, wait, LADDER[rung]), wait * 3
            )
        except asyncssh.PermissionDenied:
            await pipe.close()
            return self._refused(client), False
        except lost_line as lost:
            await pipe.close()
            return self._broken(client, pipe, type(lost).__name__), not client.reached
        except (TimeoutError, OSError, asyncssh.Error, ValueError) as odd:
            if not client.connected:
                pipe.end.close()
            await pipe.close()
            return self._broken(client, pipe, type(odd).__name__), False
        return await self._inside(made, pipe, client), False

    def _reading(self, client: _Client, failure: str = "", value: str | None = None) -> Reading:
        return Reading(value, excerpt=self._clean("; ".join(client.steps))[: EXCERPT * 3], failure=failure)

    def _refused(self, client: _Client) -> Outcome:
        client.note("denied")
        seconds = self._clock.monotonic() - client.asked if client.asked else 0.0
        proof = "denied" if client.sent or client.password is None else "no-password-method"
        result = SignIn(False, proof, seconds, self._reading(client), client.prompted, client.locked)
        return Outcome(result, NoSession("closed"), client.sent)

    def _broken(self, client: _Client, pipe: _Pipe, name: str) -> Outcome:
        client.note(name)
        reason = pipe.failure or ("timed-out" if name == "TimeoutError" else "closed")
        result = SignIn(None, "", 0.0, self._reading(client, reason), locked=client.locked, failure=reason)
        return Outcome(result, NoSession(reason), client.sent)

    async def _inside(self, made: asyncssh.SSHClientConnection, pipe: _Pipe, client: _Client) -> Outcome:
        client.note("accepted")
        seconds = self._clock.monotonic() - client.asked if client.asked else 0.0
        session = SshSession(made, pipe, self._limits, self._clean)
        if client.password is not None and not client.sent:
            # The server wanted no code, so it accepted none: that is another finding.
            client.note("no code was asked for")
            return Outcome(SignIn(None, "open", 0.0, self._reading(client)), session, sent=False)
        command, marker = nonce()
        shown = await session.run(Recipe(command=command))
        # RFC 4252 §5.1: the server itself said success; the echo tells whether a shell came with it.
        proof = "nonce" if shown.value is not None and marker in shown.value else "authenticated"
        changed = client.prompted or says_change(shown.excerpt)
        return Outcome(SignIn(True, proof, seconds, self._reading(client), changed), session)


class SshSession:
    """Runs the commands of recipes over a signed-in connection."""

    def __init__(
        self, made: asyncssh.SSHClientConnection, pipe: _Pipe, limits: Limits, clean: Callable[[str], str]
    ) -> None:
        self._made, self._pipe, self._limits, self._clean = made, pipe, limits, clean

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        """Execute the recipe's command and read its output (standard output, then errors)."""
        import asyncssh

        command = fill(recipe.command, values or {})
        if not command:
            return Reading(None, failure="unsupported")
        try:
            output, status = await asyncio.wait_for(self._execute(command), PROOF_SECONDS * 3)
        except TimeoutError:
            return Reading(None, failure="timed-out")
        except (asyncssh.Error, OSError):
            return Reading(None, failure=self._pipe.failure or "closed")
        text = decode(output)
        return Reading(
            extract(text, recipe.json, recipe.pattern),
            status=status,
            length=len(output),
            excerpt=self._clean(text.strip())[:EXCERPT],
        )

    async def _execute(self, command: str) -> tuple[bytes, int]:
        import asyncssh

        most = self._limits.answer_bytes
        async with self._made.create_process(command, encoding=None, stderr=asyncssh.STDOUT) as process:
            process.stdin.write_eof()
            output = bytearray()
            while len(output) < most:
                portion = await process.stdout.read(65_536)
                if not portion:
                    break
                output += portion
            else:
                process.close()
            await process.wait_closed()
            return bytes(output), process.returncode or 0

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        """Send the image to the standard input of the recipe's command."""
        import asyncssh

        command = fill(recipe.command, {"file": name})
        if not command:
            return Reading(None, failure="unsupported")
        try:
            done = await asyncio.wait_for(
                self._made.run(command, input=image, encoding=None, check=False), self._limits.step_seconds
            )
        except TimeoutError:
            return Reading(None, failure="timed-out")
        except (asyncssh.Error, OSError):
            return Reading(None, failure=self._pipe.failure or "closed")
        out = done.stdout or b""
        text = decode((out.encode() if isinstance(out, str) else bytes(out))[: self._limits.answer_bytes])
        return Reading(
            extract(text, recipe.json, recipe.pattern), status=done.exit_status or 0, excerpt=text[:EXCERPT]
        )

    async def close(self) -> None:
        """Hang up."""
        self._made.abort()
        await self._pipe.close()


def _client(password: str | None, clock: Clock) -> _Client:
    """Return a client whose other answers are the library's own."""
    import asyncssh

    class Whole(_Client, asyncssh.SSHClient):
        """Our steps first, then the library's defaults."""

    return Whole(password, clock)


class _Client:
    """Gives the password once, by whichever method is asked first, and notes each step."""

    def __init__(self, password: str | None, clock: Clock) -> None:
        self._clock = clock
        self.password = password
        self.steps: list[str] = []
        self.reached = False
        self.sent = False
        self.prompted = False
        self.locked = False
        self.asked = 0.0
        self._made: asyncssh.SSHClientConnection | None = None

    @property
    def connected(self) -> bool:
        return self._made is not None

    def note(self, step: str) -> None:
        if len(self.steps) < 40:  # noqa: PLR2004 - a bound, no meaning
            self.steps.append(step[:200])

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._made = conn

    def begin_auth(self, _username: str) -> None:
        self._begun()

    def _begun(self) -> None:
        if not self.reached and self._made is not None:
            self.reached = True
            self.note(f"server {self._made.get_extra_info('server_version', '')}")
            key = self._made.get_server_host_key()
            if key is not None:
                self.note(f"host key {key.get_algorithm()} {key.get_fingerprint()}")

    def public_key_auth_requested(self) -> None:
        self._begun()
        self.note("offers public key")

    def auth_banner_received(self, msg: str, lang: str) -> None:
        del lang
        self._begun()
        self.locked = self.locked or says_locked(msg)
        self.prompted = self.prompted or says_change(msg)
        self.note(f"banner {' '.join(msg.split())[:120]}")

    def _give(self, method: str) -> str | None:
        self._begun()
        if self.password is None or self.sent:
            return None
        self.sent = True
        self.asked = self._clock.monotonic()
        self.note(f"code by {method}")
        return self.password

    def password_auth_requested(self) -> str | None:
        return self._give("password")

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        del lang
        self.prompted = True
        self.note(f"asks for a change: {prompt[:80]}")
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        self._begun()
        return None if self.password is None or self.sent else ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> list[str] | None:
        del lang
        words = f"{name} {instructions} {' '.join(one[0] for one in prompts)}"
        self.locked = self.locked or says_locked(words)
        self.prompted = self.prompted or says_change(words)
        if not prompts:
            return []
        given = self._give("keyboard-interactive") if len(prompts) == 1 else None
        return None if given is None else [given]


class _Pipe:
    """Carries bytes between the wire's connection and a socket pair; remembers why it broke."""

    def __init__(self, connection: Connection, ours: socket.socket, end: socket.socket) -> None:
        self._connection, self._ours, self.end = connection, ours, end
        self.failure = ""
        self._tasks = (asyncio.create_task(self._inward()), asyncio.create_task(self._outward()))

    @classmethod
    async def open(cls, net: Net, endpoint: Endpoint) -> _Pipe:
        connection = await net.open(endpoint)
        ours, end = socket.socketpair()
        ours.setblocking(False)
        end.setblocking(False)
        return cls(connection, ours, end)

    async def _inward(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await self._connection.receive()
            except PeerFailure as failure:
                if failure.reason == "timed-out":
                    continue
                self.failure = failure.reason
                break
            if not data:
                break
            try:
                await loop.sock_sendall(self._ours, data)
            except OSError:
                break
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    async def _outward(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self._ours, 65_536):
                await self._connection.send(data)
        except PeerFailure as failure:
            self.failure = self.failure or failure.reason
        except OSError:
            pass
        await self._connection.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ours.close()
        await self._connection.close()
        await asyncio.sleep(0)  # the library's transport closes the other end in the loop's next turn


async def _connect(
    end: socket.socket, endpoint: Endpoint, user: str, client: _Client, wait: float, methods: dict[str, Any]
) -> asyncssh.SSHClientConnection:
    import asyncssh

    with warnings.catch_warnings():
        # Old devices speak old methods; that we can still talk to them is the point.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        made: asyncssh.SSHClientConnection = await asyncssh.connect(
            host=endpoint.address,
            port=endpoint.port,
            sock=end,
            config=None,
            known_hosts=None,
            username=user,
            client_keys=None,
            agent_path=None,
            gss_host=None,
            client_factory=lambda: cast("asyncssh.SSHClient", client),
            preferred_auth=["password", "keyboard-interactive"],
            connect_timeout=wait * 2,
            login_timeout=0,  # one clock decides: a second one as late would call a mute server closed
            **methods,
        )
    return made
