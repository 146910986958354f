"""Series of wrong codes at one login path, and what is looked at while the terminal holds them off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.formats.http import Request
from sekisho.model.evidence import Record
from sekisho.model.terminal import Code, Interface, Login, Recipe, Terminal
from sekisho.ports import Endpoint, Session, SignIn, Wire

USUAL_TRIES = 10
MOST_TRIES = 16
MOST_SENT = 30
POLLS = 12
BURSTS = (5, 20)
ENOUGH_FOR_TWENTY = 45
REBOOT_TRIES = 8
SECOND_TRIES = 3
DEAD = frozenset({"refused", "reset", "closed", "timed-out", "unreachable"})
SHUT = DEAD - {"unreachable"}
DEAD_IN_A_ROW = 2
TURNED_AWAY = frozenset({429, 503})
UNKNOWN_LOCK = 900.0
LONGEST_LOCK = 3600.0
FIRST_PAUSE = 1.0
READY_PAUSE = 2.0


def right_code(login: Login) -> Code | None:
    """Return the code that should work now."""
    return login.current if login.current is not None else login.preset


class _Wait:
    """How long to wait before the next try, so that a delay's length is known to a fifth once it repeats."""

    def __init__(self) -> None:
        self.total = 0.0
        self._goals: list[float] = []
        self._last = 0.0

    def over(self, declared: float) -> None:
        """The try was looked at: the next delay is guessed to be like this one, else like the ``declared`` one."""
        self._last, self.total, self._goals = self.total or declared, 0.0, []

    def next(self) -> float:
        """Return the seconds until the next look, and count them."""
        if not self._goals:
            grown = max(2 * self.total, FIRST_PAUSE)
            learnt = self._last >= FIRST_PAUSE and self.total == 0.0
            self._goals = [0.8 * self._last, 1.05 * self._last] if learnt else [grown]
        goal = self._goals.pop(0)
        pause, self.total = goal - self.total, goal
        return pause


def held_off(one: Mapping[str, Any]) -> bool:
    """Tell whether a try was turned away unread; an answer that only came late was read.

    In doubt a try counts as read, which favours the attacker.
    """
    if one["failure"] in SHUT:
        return True
    said = one["proof"] == "locked" or one["status"] in TURNED_AWAY
    return bool(one["locked"]) and (said or one["accepted"] is not False)


class Bout:
    """All series at one login path. ``first`` and ``second`` are our own addresses (may be empty)."""

    def __init__(self, terminal: Terminal, wire: Wire, login: Login) -> None:
        """Find our addresses and the ports that show life."""
        self.terminal, self.wire, self.login = terminal, wire, login
        self.base = f"throttle/{login.name}/"
        service = terminal.service(login.service)
        interface = terminal.interface(service.interface) if service is not None else None
        self.interface: Interface | None = interface
        self.address = interface.addresses[0] if interface is not None and interface.addresses else ""
        self.port = service.port if service is not None else 0
        self.tls = service is not None and (service.tls or service.protocol == "https")
        own = interface.sources if interface is not None else ()
        alike = [one for one in own if (":" in one) == (":" in self.address)]
        self.first = alike[0] if alike else ""
        self.second = alike[1] if len(alike) > 1 else ""
        self.count = 0
        self.cut = False
        self.patience = wire.limits.patience_seconds
        user = (right_code(login) or Code()).user
        sharing = sum((right_code(one) or Code()).user == user for one in terminal.logins)
        share = wire.limits.throttle_tries // max(1, sharing)
        # Some are kept for the right code while it is refused, so that the lock can be seen to end.
        self.left = share - min(POLLS, share // 6)
        self.width = 20 if self.left >= ENOUGH_FOR_TWENTY else max(2, self.left // 3)
        self.serial_most = min(MOST_SENT, self.left - self.width - SECOND_TRIES)

    async def run(self) -> str:
        """Do control, series, waits; return an attempt's reason."""
        control = await self.wire.step(f"{self.base}control", self._control)
        if not control.data.get("accepted"):
            return "no-control"
        if self.login.lock is not None and self.login.lock.forever:
            return "not-allowed"
        serial = await self._series("serial", self._serial)
        held = _braked(serial)
        if not await self._recover("serial", serial):
            return "died" if _dead(serial) else "no-control"
        spare = self.left - self.width
        widths = [width for width in BURSTS[:1] if not serial.data.get("held") and spare >= USUAL_TRIES]
        for width in (*widths, self.width):
            mode = f"parallel {width}"
            record = await self._series(mode, self._parallel(width))
            held = held or _braked(record)
            if not await self._recover(mode, record):
                return "died" if _dead(record) else "no-control"
        # A reboot lifts only what was on: nobody's power is cut to see that there still is no brake.
        allowed = held and "power" in self.wire.risks and self.left >= REBOOT_TRIES
        if allowed and self.wire.power is not None and self.terminal.power is not None:
            return await self._after_reboot()
        return "complete"

    async def _control(self) -> dict[str, Any]:
        result, session = await self._right(self.first)
        await session.close()
        return {
            "login": self.login.name,
            "kind": self.login.kind,
            "accepted": result.accepted,
            "answer_seconds": round(result.seconds, 4),
            "sources": [one for one in (self.first, self.second) if one],
            "cap": self.wire.limits.requests_per_second,
        }

    async def _right(self, source: str) -> tuple[SignIn, Session]:
        return await self.wire.access.sign_in(
            self.login, right_code(self.login), source=source, measuring=True
        )

    async def _wrong(self, source: str, start: float) -> dict[str, Any]:
        """Try one code that nobody has; return when and how it was answered."""
        if self.left <= 0:
            return {"failure": "budget"}
        self.count, self.left = self.count + 1, self.left - 1
        right = right_code(self.login)
        seed = f"{self.login.name} {self.count} {self.wire.clock.now().isoformat()}"
        code = Code(right.user if right else "", "Zq9-" + hashlib.sha256(seed.encode()).hexdigest()[:12])
        at = self.wire.clock.monotonic() - start
        result, session = await self.wire.access.sign_in(self.login, code, source=source, measuring=True)
        await session.close()
        return {
            "at": round(at, 4),
            "seconds": round(result.seconds, 4),
            "accepted": result.accepted,
            "locked": result.locked,
            "proof": result.proof,
            "failure": result.failure,
            "status": result.reply.status,
        }

    async def _series(self, mode: str, tries: Callable[[float], Any]) -> Record:
        """Run one series, then look at owner, second address, liveness and right code, all in one step."""

        async def act() -> dict[str, Any]:
            _, owner = await self._right(self.first)
            knew = await self._still_in(owner)
            start = self.wire.clock.monotonic()
            made = await tries(start)
            seconds = self.wire.clock.monotonic() - start
            told: dict[str, Any] = {"mode": mode, "tries": made, "seconds": round(seconds, 4)}
            told["cut"] = self.cut if mode == "serial" else False
            told["session"] = await self._still_in(owner) if knew else None
            await owner.close()
            told["live"] = await self._alive()
            held = any(held_off(one) or one["failure"] in DEAD for one in made)
            if self.second:
                other, session = await self._right(self.second)
                await session.close()
                told["owner"] = other.accepted
                if mode == "serial":
                    begun = self.wire.clock.monotonic()
                    second = [await self._wrong(self.second, begun) for _ in range(SECOND_TRIES)]
                    told["second"] = [one for one in second if one["failure"] != "budget"]
            result, session = await self._right(self.first)
            await session.close()
            told["right_after"] = result.accepted
            unsure = result.accepted is not True and result.failure != "budget"
            return {**told, "held": held or unsure}

        limit = self.wire.limits.step_seconds + 6 * self.patience
        return await self.wire.step(f"{self.base}{mode}", act, once=True, seconds=limit)

    async def _serial(self, start: float, *, until_held: bool = False) -> list[dict[str, Any]]:
        """Try one after another like a patient attacker: wait short delays out, stop at a long lock.

        ``until_held`` stops as soon as the brake is on, which is all that the reboot needs.
        """
        rule = self.login.lock
        wanted = min(max(USUAL_TRIES, rule.tries + 4 if rule else 0), MOST_TRIES)
        # A declared lock that is longer than our patience is not knocked at, but waited out afterwards.
        long = rule.tries if rule is not None and rule.seconds > self.patience else 0
        made: list[dict[str, Any]] = []
        looked_at, dead = 0, 0
        wait = _Wait()
        known = rule.seconds if rule is not None and rule.seconds < self.patience else 0.0
        deadline = start + self.wire.limits.step_seconds + 4 * self.patience
        while looked_at < wanted and len(made) < self.serial_most and self.wire.clock.monotonic() < deadline:
            one = await self._wrong(self.first, start)
            if one["failure"] == "budget":
                break
            made.append({**one, "waited": wait.total})
            dead = dead + 1 if one["failure"] in DEAD else 0
            if not held_off(one) and not one["failure"]:
                looked_at += 1
                # The maker's rule says from which try on to wait; before it, delays are felt for from one second up.
                wait.over(known if rule is not None and looked_at >= rule.tries else 0.0)
                continue
            if dead >= DEAD_IN_A_ROW or wait.total >= self.patience or (long and looked_at >= long):
                break
            if until_held and held_off(one):
                break
            await self.wire.clock.sleep(wait.next())
        else:
            self.cut = looked_at < wanted
        return made

    def _parallel(self, width: int) -> Callable[[float], Any]:
        each = max(1, USUAL_TRIES // width)

        async def burst(start: float) -> list[dict[str, Any]]:
            async def worker() -> list[dict[str, Any]]:
                return [await self._wrong(self.first, start) for _ in range(each)]

            lists = await self.wire.together([worker] * width)
            return [one for some in lists for one in some if one["failure"] != "budget"]

        return burst

    async def _still_in(self, session: Session) -> bool | None:
        if self.login.proof is None:
            return None
        return (await session.run(self.login.proof)).value is not None

    async def _alive(self) -> dict[str, Any]:
        """Look at the login's port and the other declared ports from each of our addresses."""
        if self.interface is None or not self.address or not self.port:
            return {}
        ports = {self.port} | {
            one.port
            for one in self.terminal.services
            if one.transport == "tcp" and one.interface == self.interface.name
        }
        seen: dict[str, Any] = {"port": self.port, "others": sorted(ports - {self.port}), "from": []}
        for source in dict.fromkeys((self.first, self.second)):
            if source == "" and seen["from"]:
                continue
            end = Endpoint(self.address, self.port, tls=self.tls, source=source, device=self.interface.device)
            try:
                scan = await self.wire.net.scan(end, sorted(ports))
            except PeerFailure as failure:
                seen["from"].append({"source": source, "open": [], "failure": failure.reason})
                continue
            speaks = await self._speaks(end) if self.port in scan.open else False
            seen["from"].append({"source": source, "open": list(scan.open), "speaks": speaks})
        return seen

    async def _speaks(self, end: Endpoint) -> bool:
        """Tell whether the service behind an open port still answers."""
        if self.login.kind in {"telnet", "ssh"}:
            return True
        try:
            await self.wire.net.fetch(end, Request())
        except PeerFailure:
            return False
        return True

    async def _recover(self, mode: str, record: Record) -> bool:
        """Wait until the right code works again; every look is a step of its own."""
        if not _braked(record):
            return True
        rule, start = self.login.lock, self.wire.clock.monotonic()
        limit = min(max(2 * rule.seconds, rule.seconds + 60) if rule else UNKNOWN_LOCK, LONGEST_LOCK)
        pauses = [0.9 * rule.seconds, 0.1 * rule.seconds + 1] if rule else []
        pause, waited = FIRST_PAUSE, 0.0
        for number in range(1, 100):
            nap = pauses.pop(0) if pauses else pause
            pause = pause if pauses else min(pause * 2, 120.0)
            await self.wire.clock.sleep(nap)
            waited = self.wire.clock.monotonic() - start

            async def look(waited: float = waited) -> dict[str, Any]:
                result, session = await self._right(self.first)
                await session.close()
                told = {"accepted": result.accepted, "locked": result.locked, "failure": result.failure}
                return {"mode": mode, "waited": round(waited, 3), **told}

            seen = await self.wire.step(f"{self.base}{mode} again {number}", look)
            if seen.data.get("accepted"):
                return True
            if waited > limit or seen.data.get("failure") == "budget":
                break
        return False

    async def _after_reboot(self) -> str:
        """Hold the attacker off, cut the power, and see whether the brake is still on afterwards."""
        power, plan = self.wire.power, self.terminal.power
        if power is None or plan is None:
            return "complete"

        async def before() -> dict[str, Any]:
            start = self.wire.clock.monotonic()
            return {"tries": await self._serial(start, until_held=True)}

        async def cut() -> dict[str, Any]:
            await power.cut()
            await self.wire.clock.sleep(plan.off_seconds)
            begun = self.wire.clock.monotonic()
            await power.restore()
            while self.wire.clock.monotonic() - begun < plan.ready_seconds:
                session = await self.wire.access.visit(self.login, source=self.first)
                seen = await session.run(self.login.proof or Recipe())
                await session.close()
                if not seen.failure or seen.failure == "unsupported":
                    break
                await self.wire.clock.sleep(READY_PAUSE)
            return {"boot_seconds": round(self.wire.clock.monotonic() - begun, 3)}

        async def after() -> dict[str, Any]:
            start = self.wire.clock.monotonic()
            made = [await self._wrong(self.first, start) for _ in range(SECOND_TRIES)]
            made = [one for one in made if one["failure"] != "budget"]
            seconds = self.wire.clock.monotonic() - start
            result, session = await self._right(self.first)
            await session.close()
            held = any(held_off(one) for one in made) or result.accepted is not True
            told = {"mode": "after-reboot", "tries": made, "seconds": round(seconds, 4), "held": held}
            return {**told, "right_after": result.accepted}

        limit = self.wire.limits.step_seconds + 6 * self.patience
        await self.wire.step(f"{self.base}before reboot", before, once=True, seconds=limit)
        wait = plan.off_seconds + plan.ready_seconds + self.wire.limits.step_seconds
        booted = await self.wire.step(f"{self.base}reboot", cut, once=True, seconds=wait)
        if booted.failure is not None:
            return booted.failure.reason if booted.failure.reason == "interrupted" else "died"
        record = await self.wire.step(f"{self.base}after-reboot", after, once=True)
        return "complete" if await self._recover("after-reboot", record) else "no-control"


def _braked(record: Record) -> bool:
    """Tell whether tries were held off, or may have been."""
    return record.failure is not None or bool(record.data.get("held"))


def _dead(record: Record) -> bool:
    """Tell whether the service did not speak to any of our addresses after the series."""
    views = record.data.get("live", {}).get("from", [])
    return bool(views) and not any(one.get("speaks") for one in views)
