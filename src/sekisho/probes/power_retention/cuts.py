"""The series of power cuts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.model.evidence import Attempt, AttemptStatus, Record
from sekisho.model.terminal import Power as Cord
from sekisho.model.terminal import Service, Setting, Terminal
from sekisho.ports import Power, Wire
from sekisho.probes.power_retention.state import POLL_SECONDS, REFUSED, State, image_of

#: Seconds after the start of an upload: while the image comes in, while it is written, and just after.
UPDATE_CUTS = (0.05, 0.5, 2.0)
#: What an upload is still given once the power is off: the last packets may be on their way.
GONE_SECONDS = 2.0
#: Beside the declared waits, what a step may take for signing in, sending or a person's hands.
SPARE_SECONDS = 900.0

Data = Mapping[str, Any]


class Cuts:
    """Runs once over one terminal."""

    def __init__(self, terminal: Terminal, cord: Cord, power: Power, wire: Wire) -> None:
        """Prepare; nothing is sent."""
        self.terminal = terminal
        self.cord = cord
        self.power = power
        self.wire = wire
        self.state = State(terminal, wire)
        self.logins = [one for one in terminal.logins if (one.current or one.preset) and one.kind != "none"]
        self.answering: list[Service] = []
        self.cuts: list[Record] = []
        self.first: dict[str, str] = {}
        self.version: str | None = None

    async def run(self) -> Attempt:
        """Look, cut for each delay, cut during updates, put everything back."""
        await self._before()
        if not self.answering:
            return Attempt(AttemptStatus.FAILED, "died", "no declared service answers before the cut")
        await self._update_first()
        booted = True
        for delay in self.cord.delays:
            booted = await self._delay(delay)
            if not booted:
                break
        if booted and self._may_update():
            booted = await self._during_update()
        if not booted:
            return Attempt(AttemptStatus.PARTIAL, "died", "it did not come back after a cut")
        await self._put_back()
        failures = [one.failure for one in self.cuts if one.failure is not None]
        if not failures:
            return Attempt(AttemptStatus.DONE)
        known = failures[0].reason in {"no-person", "interrupted", "timed-out"}
        reason = failures[0].reason if known else "no-power"
        return Attempt(AttemptStatus.PARTIAL, reason, failures[0].detail[:300])

    async def _before(self) -> None:
        tcp = [one for one in self.terminal.services if one.transport == "tcp"]

        async def services() -> Data:
            found = {one.name: await self.state.answering(one) for one in tcp}
            return {"answering": found, "declared_software": self.terminal.software}

        seen = await self._step("before/services", services)
        answering = seen.data.get("answering", {})
        self.answering = [one for one in tcp if answering.get(one.name)]
        for login in self.logins:
            proven = await self._step(f"before/code/{login.name}", partial(self.state.prove, login))
            if proven.data.get("accepted"):
                self.state.remember(login, str(proven.data["code"]))
        for setting in self.terminal.settings:
            read = await self._step(f"before/setting/{setting.name}", partial(self.state.setting, setting))
            if read.data.get("value") is not None:
                self.first[setting.name] = str(read.data["value"])
        self.version = await self._software("before/software")
        await self._ports("before")

    async def _update_first(self) -> None:
        """Install the newer image, unless an updated version runs already: updates are what must be kept."""
        update = self.terminal.update
        if update is None or self.version is None or not self._may_update():
            return
        if self.terminal.software and self.version != self.terminal.software:
            return
        image = image_of(update.images.newer)
        if image is None:
            return
        await self._step("update/upload", partial(self.state.upload, update, image), once=True)
        await self._step("update/after", partial(self._changed, self.version))

    async def _changed(self, before: str | None) -> Data:
        update = self.terminal.update
        clock = self.wire.clock
        began = clock.monotonic()
        read: dict[str, Any] = {"version": None}
        while update is not None:
            read = await self.state.software(update)
            waited = clock.monotonic() - began
            if read["version"] not in {None, before} or waited >= update.settle_seconds:
                break
            await clock.sleep(POLL_SECONDS)
        return {"before": before, **read}

    async def _delay(self, delay: float) -> bool:
        """One cut ``delay`` seconds after the last setting was saved; False when it doesn't come back."""
        where = f"cut {delay:g} s"
        saved = ""
        await self.wire.step(f"{where}/quiet", self._quiet)
        for setting in self.terminal.settings:
            if setting.name in self.first:
                record = await self._write(where, setting)
                saved = str(record.data.get("saved") or saved)
        cut = await self._cut(where, delay, saved)
        return await self._look(where, cut)

    async def _quiet(self) -> Data:
        """Wait until no earlier write can be on its way to the medium and carry the next one with it.

        Seen on a lazily saving terminal: a write of a few seconds before was flushed within the delay, took
        the new value along, and the loss did not show. ext4 commits every 5 s by default.
        """
        quiet = self.wire.limits.quiet_seconds
        await self.wire.clock.sleep(quiet)
        return {"quiet_seconds": quiet}

    async def _write(self, where: str, setting: Setting) -> Record:
        undo = {"setting": setting.name, "value": self.first[setting.name]}

        async def write() -> Data:
            now = (await self.state.setting(setting))["value"]
            fresh = next(one for one in setting.values if one != now)
            return {"old": now, **await self.state.write(setting, fresh)}

        return await self.wire.step(f"{where}/write/{setting.name}", write, undo=undo)

    async def _cut(self, where: str, delay: float, saved: str) -> Record:
        async def cut() -> Data:
            clock = self.wire.clock
            passed = (clock.now() - datetime.fromisoformat(saved)).total_seconds() if saved else 0.0
            await clock.sleep(max(0.0, delay - passed))
            asked = clock.now()
            await self.power.cut()
            done = clock.now()
            measured = (asked - datetime.fromisoformat(saved)).total_seconds() if saved else delay
            silent = await self._off()
            await self.power.restore()
            return {
                "delay": delay,
                "measured": round(measured, 3),
                "cutting": round((done - asked).total_seconds(), 3),
                "silent": silent,
            }

        return await self._powered(f"{where}/power", cut, delay)

    async def _off(self) -> bool:
        """Leave it off for `off_seconds`; tell whether it really was silent."""
        await self.wire.clock.sleep(self.cord.off_seconds)
        return not await self.state.answering(self.answering[0])

    async def _powered(self, name: str, action: Callable[[], Awaitable[Data]], delay: float) -> Record:
        seconds = delay + self.cord.off_seconds + SPARE_SECONDS
        record = await self.wire.step(name, action, once=True, seconds=seconds)
        self.cuts.append(record)
        if record.failure is not None:
            # Whatever went wrong, the terminal must not stay without power.
            async def again() -> Data:
                await self.power.restore()
                return {}

            await self._step(f"{name} restored", again)
        return record

    async def _look(self, where: str, cut: Record) -> bool:
        """Wait for each service, then read everything; False when one doesn't come back."""
        boot = await self._step(f"{where}/boot", self._boot)
        ready = boot.data.get("ready", {})
        if boot.failure is not None or any(seconds is None for seconds in ready.values()):
            return cut.failure is not None
        # Codes first: reading the rest falls back to the preset code when the proven one was lost.
        for login in self.logins:
            if self.state.provable(login):
                await self._step(f"{where}/code/{login.name}", partial(self.state.code, login))
        for setting in self.terminal.settings:
            if setting.name in self.first:
                name = f"{where}/read/{setting.name}"
                await self._step(name, partial(self.state.setting, setting))
        await self._software(f"{where}/software")
        await self._ports(where)
        return True

    async def _boot(self) -> Data:
        clock = self.wire.clock
        began = clock.monotonic()
        ready: dict[str, float | None] = {one.name: None for one in self.answering}
        while True:
            for service in self.answering:
                if ready[service.name] is None and await self.state.answering(service):
                    ready[service.name] = round(clock.monotonic() - began, 3)
            if None not in ready.values() or clock.monotonic() - began >= self.cord.ready_seconds:
                return {"ready": ready}
            await clock.sleep(POLL_SECONDS)

    async def _software(self, name: str) -> str | None:
        update = self.terminal.update
        if update is None:
            return None

        # A version page may come up after its port: give it the rest of the declared time.
        async def read() -> Data:
            began = self.wire.clock.monotonic()
            while True:
                found = await self.state.software(update)
                if found["version"] is not None or found["failure"] == REFUSED:
                    return found
                if self.wire.clock.monotonic() - began >= self.cord.ready_seconds:
                    return found
                await self.wire.clock.sleep(POLL_SECONDS)

        version = (await self._step(name, read)).data.get("version")
        return None if version is None else str(version)

    async def _ports(self, where: str) -> None:
        for interface in self.terminal.interfaces:
            if interface.addresses:
                address = interface.addresses[0]
                source = interface.sources[0] if interface.sources else ""
                name = f"{where}/ports/{interface.name}"
                await self._step(name, partial(self.state.ports, interface.name, address, source))

    def _may_update(self) -> bool:
        update = self.terminal.update
        return "update" in self.wire.risks and update is not None and bool(update.images.newer)

    async def _during_update(self) -> bool:
        update = self.terminal.update
        if update is None:
            return True
        for seconds in UPDATE_CUTS:
            where = f"update cut {seconds:g} s"
            before = await self._software(f"{where}/before")
            file = (
                update.images.current
                if before != self.version and update.images.current
                else update.images.newer
            )
            image = image_of(file)
            if image is None or before is None:
                return True
            cut = await self._cut_in_update(where, seconds, image)
            boot = await self._step(f"{where}/boot", self._boot)
            if any(one is None for one in boot.data.get("ready", {}).values()):
                return cut.failure is not None
            await self._software(f"{where}/software")
        return True

    async def _cut_in_update(self, where: str, seconds: float, image: bytes) -> Record:
        update = self.terminal.update
        clock = self.wire.clock

        async def send() -> Data:
            began = clock.monotonic()
            sent: Data = {}
            try:
                if update is not None:
                    sent = await self.state.upload(update, image)
            except PeerFailure as failure:
                sent = {"failure": failure.reason}
            return {**sent, "seconds": round(clock.monotonic() - began, 3)}

        async def pull() -> Data:
            await clock.sleep(seconds)
            await self.power.cut()
            return {"delay": seconds}

        async def both() -> Data:
            # What has no power answers no more: the peer's own time-outs are not waited for.
            sent, pulled = await self.wire.beside(send, pull, GONE_SECONDS)
            silent = await self._off()
            await self.power.restore()
            return {**pulled, "upload": dict(sent or {"failure": "died"}), "silent": silent}

        return await self._powered(f"{where}/power", both, seconds)

    async def _put_back(self) -> None:
        """Write the settings' first values, read them back; return to the first software if there is an image."""
        for setting in self.terminal.settings:
            first = self.first.get(setting.name)
            if first is None:
                continue
            record = await self._step(f"restore/{setting.name}", partial(self.state.write, setting, first))
            if record.data.get("read") == first:
                self.wire.restored(setting.name)
        update = self.terminal.update
        image = image_of(update.images.current) if update else None
        if update is None or image is None or not self._may_update():
            return
        if await self._software("restore software/before") not in {None, self.version}:
            await self._step("restore software/upload", partial(self.state.upload, update, image), once=True)
            await self._software("restore software/after")

    async def _step(self, name: str, action: Callable[[], Awaitable[Data]], *, once: bool = False) -> Record:
        settle = self.terminal.update.settle_seconds if self.terminal.update else 0.0
        seconds = self.cord.ready_seconds + settle + SPARE_SECONDS
        return await self.wire.step(name, action, once=once, seconds=seconds)
