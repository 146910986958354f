"""The terminal itself: what can be done with it, whoever asks. The web rooms only translate.

Every method that needs a code is written in the same three steps: book the attempt with the brake, let
the worker do the slow comparison, and look again whether the world is still the same before acting.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeVar, TypeVarTuple

from sekisho.exemplar import settings
from sekisho.exemplar.access import credentials, policy
from sekisho.exemplar.access.caller import USER, Caller, Entry, Refused
from sekisho.exemplar.access.passkey import Challenges, RelyingParty
from sekisho.exemplar.access.sessions import Sessions, Stage, fingerprint
from sekisho.exemplar.access.throttle import REFILL, Throttle, Ticket
from sekisho.exemplar.software.image import trusted_key
from sekisho.exemplar.software.newest import NOT_ASKED, Newest, ask
from sekisho.exemplar.software.slots import Slots
from sekisho.exemplar.storage import Disk

_QUEUE: Final = 8
_Result = TypeVar("_Result")
_Given = TypeVarTuple("_Given")


@dataclass
class Terminal:
    """One unit. `disk` is its medium, `rp` the passkey site (identifier, origins), `update_url` the maker's page."""

    disk: Disk
    rp_id: str = "localhost"
    origins: tuple[str, ...] = ()
    update_url: str | None = None
    lock: float = 900.0
    refill: float = REFILL
    clock: Callable[[], float] = time.monotonic
    published: Newest = NOT_ASKED

    def __post_init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "scrypt")
        self._waiting = 0
        self.sessions = Sessions(self.clock)
        self.throttle = Throttle(self.disk, self.clock, self.lock, self.refill)
        self.relying_party = RelyingParty(self.rp_id, self.origins, Challenges(self.clock))
        self.passkeys = Passkeys(self, self._decide, self._enter)
        self.software = Software(self, self._slowly)
        self.boot()

    def boot(self) -> None:
        """Start from what the medium holds, as after a power cut. Raises when it holds no valid terminal."""
        self.factory = settings.Factory.load(self.disk)
        self.key = trusted_key(self.factory.trust.encode())
        self.slots = Slots(self.disk, self.key, self.factory.model)
        self.slots.boot()
        self.owner = settings.load(self.disk)
        self.sessions.close_all()
        self.throttle.boot()

    def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(cancel_futures=True)

    async def _slowly(self, work: Callable[[*_Given], _Result], *arguments: *_Given) -> _Result:
        """Run slow work in the one worker; refuse when too many wait already."""
        if self._waiting >= _QUEUE:
            raise Refused("busy", wait=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)
        finally:
            self._waiting -= 1

    # --- signing in -------------------------------------------------------------------------------

    @property
    def first_use(self) -> bool:
        """Tell whether the label's code is still in force."""
        return self.owner.password is None

    def _book(self, caller: Caller) -> Ticket:
        known = fingerprint(caller.known) if caller.known else None
        known = known if known in self.owner.known else None
        ticket = self.throttle.begin(caller.source, known)
        if ticket is None:
            raise Refused("wait", wait=int(self.throttle.wait(caller.source, known)) + 1)
        return ticket

    async def _prove(self, user: str, password: str, caller: Caller) -> None:
        """Return when the code is right, else raise Refused; an unknown user costs the same time."""
        # duty: JP25-2d a ticket first: without one the password is not even looked at
        ticket = self._book(caller)
        stored = self.owner.password or self.factory.preset
        typed = credentials.normal_preset(password) if self.first_use else password
        target = stored if user == USER else credentials.NOBODY
        right = await self._slowly(credentials.matches, typed[:1024], target)
        still = stored == (self.owner.password or self.factory.preset)
        if not (right and still and user == USER):
            raise Refused("wrong")
        self.throttle.succeeded(ticket)

    async def sign_in(self, user: str, password: str, caller: Caller) -> Entry:
        """Sign in with a password, or at first use with the label's code."""
        await self._prove(user, password, caller)
        if self.first_use:
            # duty: JP20-2 JP25-2a the label's code opens one door: the one to the change of the password
            return Entry(self.sessions.open(Stage.FIRST_USE), Stage.FIRST_USE)
        return self._enter(caller)

    def _enter(self, caller: Caller, **decided: Any) -> Entry:
        self.sessions.close(caller.session)
        known = decided.pop("known", self.owner.known)
        token = None if caller.known and fingerprint(caller.known) in known else secrets.token_urlsafe(32)
        if token:
            decided["known"] = [*known, fingerprint(token)][-settings.KNOWN_BROWSERS :]
        self._decide(**decided)
        return Entry(self.sessions.open(Stage.OWNER), Stage.OWNER, token)

    def _decide(self, **decided: Any) -> None:
        """Change what the owner decided: on the medium first, then here; a full medium changes nothing."""
        if decided:
            owner = replace(self.owner, **decided)
            settings.save(self.disk, owner)
            self.owner = owner

    def sign_out(self, caller: Caller) -> None:
        """End the caller's session."""
        self.sessions.close(caller.session)

    # --- passwords --------------------------------------------------------------------------------

    def _faults(self, password: str) -> tuple[str, ...]:
        public = (
            self.factory.maker,
            self.factory.model,
            self.factory.serial,
            self.factory.ssid,
            self.factory.mac,
        )
        return policy.faults(password, user=USER, public=public)

    async def _accept(self, password: str) -> dict[str, str]:
        """Check a new password against the policy and both codes in force; return its hash."""
        # duty: JP25-2a JP25-2c neither a weak password nor the label's code nor the present one is taken
        found = self._faults(password)
        if found:
            raise Refused("weak", faults=found)
        preset, label = self.factory.preset, credentials.normal_preset(password)
        if await self._slowly(credentials.matches, label, preset):
            raise Refused("weak", faults=("same-as-label",))
        current = self.owner.password
        if current is not None:
            same = await self._slowly(credentials.matches, password, current)
            if same:
                raise Refused("weak", faults=("same-as-before",))
        return await self._slowly(credentials.digest, password)

    async def choose_first_password(self, password: str, caller: Caller) -> Entry:
        """Leave the factory state: from now on the label's code opens nothing."""
        hashed = await self._accept(password)
        # duty: JP25-2a the one way out of the factory state; nobody gets an owner's session without it
        if not self.first_use or self.sessions.stage(caller.session) is not Stage.FIRST_USE:
            raise Refused("not-first-use")
        self.sessions.close_all()
        return self._enter(caller, password=hashed, handle=secrets.token_urlsafe(32))

    async def change_password(self, old: str, new: str, caller: Caller) -> Entry:
        """Change the password, at first use as well; every other session and known browser is forgotten."""
        await self._prove(USER, old, caller)
        if self.first_use:
            return await self.choose_first_password(new, caller)
        hashed = await self._accept(new)
        self.sessions.close_all()
        return self._enter(caller, password=hashed, known=[])

    # --- settings, software, reset ----------------------------------------------------------------

    def current_settings(self) -> dict[str, str | bool]:
        """Return all settings that are in force."""
        found = {name: self.owner.value(name) for name in settings.SETTINGS}
        return {**found, "wifi_ssid": found["wifi_ssid"] or self.factory.ssid}

    def change_settings(self, changes: Mapping[str, object]) -> dict[str, str | bool]:
        """Change settings, durable on return; raises SettingError and then changes nothing."""
        self._decide(settings={**self.owner.settings, **settings.checked(changes)})
        return self.current_settings()

    async def reset(self, password: str, caller: Caller) -> None:
        """Erase everything that the owner decided, after the password was given once more."""
        await self._prove(USER, password, caller)
        self.press_reset_button()

    def press_reset_button(self) -> None:
        """Return to the factory state; the installed software stays.

        The brake is released as well: whoever holds the device may try again at once.
        """
        self.throttle.forget()
        settings.forget(self.disk)
        self.boot()


@dataclass(frozen=True)
class Passkeys:
    """The owner's passkeys. duty JP25-2e: a means of sign-in with nothing to guess, beside the password."""

    terminal: Terminal
    decide: Callable[..., None]
    enter: Callable[..., Entry]

    def creation(self) -> dict[str, Any]:
        """Return the options for `navigator.credentials.create()`."""
        return {
            "challenge": self.terminal.relying_party.challenges.draw("create"),
            "rp": {
                "id": self.terminal.rp_id,
                "name": f"{self.terminal.factory.maker} {self.terminal.factory.model}",
            },
            "user": {"id": self.terminal.owner.handle, "name": USER, "displayName": USER},
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-8, -7)],
            "excludeCredentials": [
                {"type": "public-key", "id": one["id"]} for one in self.terminal.owner.passkeys
            ],
            "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
            "attestation": "none",
        }

    def add(self, answer: dict[str, object]) -> None:
        """Store a new passkey; raises PasskeyError or Refused."""
        if len(self.terminal.owner.passkeys) >= settings.PASSKEYS:
            raise Refused("too-many")
        added = self.terminal.relying_party.register(
            answer, {one["id"] for one in self.terminal.owner.passkeys}
        )
        name = str(answer.get("name") or "")[:40]
        added["name"] = name if name.isprintable() else ""
        self.decide(passkeys=[*self.terminal.owner.passkeys, added])

    def remove(self, identifier: str) -> None:
        """Forget a passkey; an unknown identifier is refused."""
        kept = [one for one in self.terminal.owner.passkeys if one["id"] != identifier]
        if len(kept) == len(self.terminal.owner.passkeys):
            raise Refused("unknown")
        self.decide(passkeys=kept)

    def request(self) -> dict[str, Any]:
        """Return the options for `navigator.credentials.get()`: they tell nothing about the owner."""
        return {
            "challenge": self.terminal.relying_party.challenges.draw("get"),
            "rpId": self.terminal.rp_id,
            "userVerification": "required",
        }

    def sign_in(self, answer: dict[str, object], caller: Caller) -> Entry:
        """Sign in with a passkey; not touched by the brake. Raises PasskeyError."""
        used = self.terminal.relying_party.verify(answer, self.terminal.owner.passkeys)
        kept = [used if one["id"] == used["id"] else one for one in self.terminal.owner.passkeys]
        return self.enter(caller, passkeys=kept)


@dataclass(frozen=True)
class Software:
    """The software of one terminal: what runs, how a newer one gets in, which one is the newest."""

    terminal: Terminal
    slowly: Callable[..., Awaitable[Any]]

    def status(self) -> dict[str, Any]:
        """Return what runs here; the version comes from the signed manifest of the booted slot."""
        return {
            "maker": self.terminal.factory.maker,
            "model": self.terminal.factory.model,
            "serial": self.terminal.factory.serial,
            "version": str(self.terminal.slots.version),
            "slot": self.terminal.slots.slot,
            "newest": asdict(self.terminal.published),
        }

    async def install(self, image: bytes) -> str:
        """Install an image and start it; raises ImageError. Everybody must sign in again afterwards."""
        version = await self.slowly(self.terminal.slots.install, image)
        self.terminal.boot()
        self.terminal.published = NOT_ASKED
        return str(version)

    async def ask_newest(self) -> Newest:
        """Ask the maker's page which version is the newest."""
        asked = (
            self.terminal.update_url,
            self.terminal.key,
            self.terminal.factory.model,
            self.terminal.slots.version,
        )
        self.terminal.published = await asyncio.to_thread(ask, *asked)
        return self.terminal.published
