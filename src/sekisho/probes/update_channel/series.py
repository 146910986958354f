"""The series of uploads in its fixed order: first what must be refused, then what must be accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.formats.mutants import MutantError, make
from sekisho.model.evidence import ATTEMPT_REASONS, Attempt, AttemptStatus, Record
from sekisho.model.terminal import Terminal, Update
from sekisho.ports import Wire
from sekisho.probes.update_channel.channel import Channel, describe, read_images
from sekisho.probes.update_channel.newest import NewestMeans

#: Beside `settle_seconds`, what one step may take for signing in and sending.
SPARE_SECONDS = 600.0
#: A refused copy is watched for a tenth of `settle_seconds`; the quiet wait at the end is a whole one.
WATCH_SHARE = 10.0
LONGEST_WATCH = 5.0


class Series:
    """Runs once over one terminal."""

    def __init__(self, terminal: Terminal, update: Update, wire: Wire) -> None:
        """Prepare the images' and versions' state."""
        self.update = update
        self.wire = wire
        self.channel = Channel(terminal, update, wire)
        self.newest = NewestMeans(terminal, update, self.channel, wire)
        self.images: dict[str, bytes] = {}
        self.first: str | None = None
        self.version: str | None = None
        self.spoilt = False
        self.seen: list[str] = []

    async def run(self) -> Attempt:
        """Do everything that the description allows; say how it ended."""
        try:
            return await self._run()
        finally:
            await self.channel.close()

    async def _run(self) -> Attempt:
        await self._declare()
        before = await self._step(
            "version/before", lambda: self.channel.watch("", self.update.settle_seconds)
        )
        self.first = self.version = before.data.get("version")
        if self.version is None:
            await self.newest.read("before", ())
            return _unread(before)
        self.seen.append(self.version)
        await self.newest.read("before", ())
        if "newer" not in self.images:
            await self.newest.read("after", tuple(self.seen))
            return Attempt(AttemptStatus.PARTIAL, "not-described", "update.images.newer")
        alive = await self._mutants()
        if not alive:
            return Attempt(AttemptStatus.PARTIAL, "died", "after an image that must be refused")
        changed = await self._genuine()
        if changed:
            updated = self.version
            await self._older()
            await self.newest.read("after", tuple(self.seen))
            await self._return(updated)
            return Attempt(AttemptStatus.DONE)
        await self.newest.read("after", tuple(self.seen))
        if self.spoilt:
            # Altered software must not stay: the genuine image of the same version replaces it.
            await self._upload("clean", self.images["newer"], "newer.bin", self.update.settle_seconds)
            return Attempt(AttemptStatus.PARTIAL, "no-control", "an altered image was installed before")
        return Attempt(AttemptStatus.PARTIAL, "no-control", "the genuine image did not change the version")

    async def _declare(self) -> None:
        files = msgspec.structs.asdict(self.update.images)
        self.images, failures = read_images(files)
        kept = {kind: describe(image, kind) for kind, image in self.images.items()}

        async def declare() -> Mapping[str, Any]:
            return {
                "images": kept,
                "failures": failures,
                "transport": self._transport(),
                "automatic": self.update.automatic,
                "manual": self.update.newest.manual[:500] if self.update.newest else "",
                "settle_seconds": self.update.settle_seconds,
            }

        await self.wire.step("images", declare)

    def _transport(self) -> str:
        if self.update.install:
            return "host"
        if self.update.upload.command:
            return "shell"
        terminal = self.channel.terminal
        login = terminal.login(self.update.login)
        service = terminal.service(self.update.upload_service or (login.service if login else ""))
        service = service or next(iter(terminal.services), None)
        if service is None:
            return "unknown"
        return "https" if service.tls or service.protocol == "https" else service.protocol

    def _copies(self) -> tuple[dict[str, bytes], str]:
        """Return what must be refused, in order; repaired copies last, as they are accepted most."""
        try:
            made = make(self.images["newer"], self.update.repair)
            failure = ""
        except MutantError as error:
            made, failure = {}, str(error)
            if self.update.repair:
                # The plain copies are good even when a repair does not fit.
                try:
                    made = make(self.images["newer"])
                except MutantError as again:
                    failure = str(again)
        plain = {name: copy for name, copy in made.items() if not name.startswith("repaired")}
        given = {kind: copy for kind, copy in self.images.items() if kind in {"other_key", "unsigned"}}
        return {**plain, **given, **{name: made[name] for name in made if name not in plain}}, failure

    async def _mutants(self) -> bool:
        copies, failure = self._copies()

        async def plan() -> Mapping[str, Any]:
            return {
                "copies": {name: describe(copy, name) for name, copy in copies.items()},
                "failure": failure,
            }

        await self.wire.step("mutants", plan)
        watch = min(LONGEST_WATCH, self.update.settle_seconds / WATCH_SHARE)
        for name, copy in copies.items():
            after = await self._upload(f"mutant/{name}", copy, f"{name}.bin", watch)
            if after is None:
                return False
            if after != self.version and not await self._put_back(name, after):
                return True
        if not copies:
            return True
        quiet = await self._step(
            "quiet", lambda: self.channel.watch(self.version, self.update.settle_seconds)
        )
        late = quiet.data.get("version")
        if late is not None and late != self.version:
            self.spoilt, self.version = True, late
            self.seen.append(late)
        return late is not None

    async def _put_back(self, name: str, installed: str) -> bool:
        """An altered image was installed: go back, so that the next one can be seen; False if impossible."""
        self.version = installed
        self.seen.append(installed)
        for kind in ("current", "older"):
            if kind in self.images:
                step = f"mutant/{name}/return-{kind}"
                after = await self._upload(step, self.images[kind], f"{kind}.bin", self.update.settle_seconds)
                if after is not None and after != installed:
                    self.version = after
                    self.seen.append(after)
                    return True
        self.spoilt = True
        return False

    async def _genuine(self) -> bool:
        if self.spoilt:
            return False
        after = await self._upload("genuine", self.images["newer"], "newer.bin", self.update.settle_seconds)
        changed = after is not None and after != self.version
        if changed:
            self.version = after
            self.seen.append(str(after))
        return changed

    async def _older(self) -> None:
        if "older" not in self.images:
            return
        after = await self._upload("older", self.images["older"], "older.bin", self.update.settle_seconds)
        if after is not None:
            self.version = after

    async def _return(self, updated: str | None) -> None:
        """Go back to the first version; without an image of it, at least not stay on the older one."""
        kind = "current" if "current" in self.images else "newer"
        if self.version == self.first or (kind == "newer" and self.version == updated):
            return
        await self._upload("return", self.images[kind], f"{kind}.bin", self.update.settle_seconds)

    async def _upload(self, step: str, image: bytes, name: str, watch: float) -> str | None:
        """Send ``image`` once, then watch the version; return what it is afterwards."""
        before = self.version

        async def send() -> Mapping[str, Any]:
            return {"before": before, **await self.channel.send(image, name)}

        await self.wire.step(f"{step}/upload", send, once=True, seconds=SPARE_SECONDS)
        after = await self._step(f"{step}/after", lambda: self.channel.watch(before, watch))
        version = after.data.get("version")
        return None if version is None else str(version)

    async def _step(self, name: str, action: Any) -> Record:
        return await self.wire.step(name, action, seconds=self.update.settle_seconds + SPARE_SECONDS)


def _unread(record: Record) -> Attempt:
    reason = record.failure.reason if record.failure else str(record.data.get("failure") or "no-control")
    known = reason if reason in ATTEMPT_REASONS else "no-control"
    return Attempt(AttemptStatus.FAILED, known, f"the version could not be read: {reason}")
