"""From records to facts about what a power cut left; pure."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar

FACTS = {
    "power.control": Text(
        ja="切る前に設定を書き込み、読み戻せたか（対照実験）",
        en="whether a setting was written and read back before the cut (positive control)",
    ),
    "power.silent": Text(
        ja="電源断の間、応答がなかったか（本当に切れたか）",
        en="whether it was silent while off (the cut was a cut)",
    ),
    "power.kept": Text(ja="電源断の後も保たれたか", en="whether it was kept over the cut"),
    "power.booted": Text(ja="電源断の後に起動したか", en="whether it came back after the cut"),
    "setting.restored": Text(
        ja="試験の終わりに設定を元の値へ戻せたか", en="whether the setting is back at its first value"
    ),
}

#: The run was broken off between saving and cutting when the clock says this much more than the delay.
SLACK = 10.0


def derive(evidence: Evidence) -> Iterator[Observation]:
    """Yield the facts cut by cut."""
    services = evidence.record("before/services")
    declared = str(services.data.get("declared_software") or "") if services else ""
    for power in (one for one in evidence.records if one.step.endswith("/power")):
        where = power.step.removesuffix("/power")
        if where.startswith("cut "):
            yield from _Cut(evidence, where, power, declared).facts()
        else:
            yield from _update_cut(evidence, where, power)
    for record in evidence.under("restore/"):
        name = record.step.removeprefix("restore/")
        back = record.data.get("read") == record.data.get("wanted") if record.data.get("read") else None
        yield _fact(
            evidence, "setting.restored", f"setting {name}", back, [record], wanted=record.data.get("wanted")
        )


class _Cut:
    """One cut at one delay."""

    def __init__(self, evidence: Evidence, where: str, power: Record, declared: str) -> None:
        self.evidence = evidence
        self.where = where
        self.power = power
        self.declared = declared
        self.delay = float(where.removeprefix("cut ").removesuffix(" s"))
        self.measured = power.data.get("measured")
        self.valid = power.failure is None and bool(power.data.get("silent"))

    def facts(self) -> Iterator[Observation]:
        """Yield all facts of this cut."""
        yield _silent(self.evidence, self.where, self.power)
        booted = _booted(self.evidence, self.where, self.valid)
        if booted is not None:
            yield booted
        if booted is None or booted.value is not True:
            return
        yield from self._settings()
        yield from self._codes()
        yield from self._software()
        yield from self._ports()

    def _settings(self) -> Iterator[Observation]:
        for written in self.evidence.under(f"{self.where}/write/"):
            name = written.step.rsplit("/", 1)[1]
            wanted, read = written.data.get("wanted"), written.data.get("read")
            control = wanted is not None and read == wanted
            subject = f"setting {name} after {self.delay:g} s"
            yield _fact(self.evidence, "power.control", subject, control, [written], wanted=wanted, read=read)
            found = self.evidence.record(f"{self.where}/read/{name}")
            after = found.data.get("value") if found else None
            on_time = self.measured is None or float(self.measured) <= self.delay + SLACK
            value = after == wanted if after is not None and control and self.valid else None
            if value is True and not on_time:
                value = None
            yield self._kept(
                subject, value, "setting", [written, found], key=name, wanted=wanted, after=after
            )

    def _codes(self) -> Iterator[Observation]:
        for before in self.evidence.under("before/code/"):
            name = before.step.rsplit("/", 1)[1]
            if before.data.get("accepted") is not True:
                continue  # a way in that was closed before the cut can't lose its code
            found = self.evidence.record(f"{self.where}/code/{name}")
            after = found.data.get("accepted") if found else None
            value = bool(after) if after is not None and self.valid else None
            subject = f"code {name} after {self.delay:g} s"
            yield self._kept(subject, value, "code", [before, found], key=name)

    def _software(self) -> Iterator[Observation]:
        found = self.evidence.record(f"{self.where}/software")
        if found is None:
            return
        index = self.evidence.records.index(self.power)
        earlier = [
            one
            for one in self.evidence.records[:index]
            if "version" in one.data and one.data["version"] is not None
        ]
        if not earlier:
            return
        before, after = earlier[-1].data["version"], found.data.get("version")
        first = earlier[0].data["version"]
        # After a loss the next cut starts from the old version: that one was not updated any more.
        changed = self.evidence.record("update/after")
        installed = changed.data.get("version") if changed else None
        updated = before == installed != first or bool(self.declared and before != self.declared)
        value = after == before if after is not None and self.valid else None
        subject = f"software after {self.delay:g} s"
        yield self._kept(
            subject,
            value,
            "software",
            [earlier[-1], found],
            key="version",
            before=before,
            after=after,
            updated=updated,
        )

    def _ports(self) -> Iterator[Observation]:
        for before in self.evidence.under("before/ports/"):
            name = before.step.rsplit("/", 1)[1]
            found = self.evidence.record(f"{self.where}/ports/{name}")
            if found is None or found.failure or before.failure or not self.valid:
                value, new = None, []
            else:
                new = sorted(set(found.data.get("open", [])) - set(before.data.get("open", [])))
                value = not new
            subject = f"ports {name} after {self.delay:g} s"
            opened = ", ".join(map(str, new))
            yield self._kept(subject, value, "ports", [before, found], key=name, opened=opened)

    def _kept(
        self, subject: str, value: bool | None, kind: str, records: list[Record | None], **attributes: Scalar
    ) -> Observation:
        used = [self.power, *(one for one in records if one is not None)]
        shared: dict[str, Scalar] = {"kind": kind, "delay": self.delay, "measured": self.measured}
        return _fact(self.evidence, "power.kept", subject, value, used, **shared, **attributes)


def _update_cut(evidence: Evidence, where: str, power: Record) -> Iterator[Observation]:
    yield _silent(evidence, where, power)
    valid = power.failure is None and bool(power.data.get("silent"))
    booted = _booted(evidence, where, valid)
    if booted is not None:
        yield booted
    before, after = evidence.record(f"{where}/before"), evidence.record(f"{where}/software")
    if before is None or after is None:
        return
    old, new = before.data.get("version"), after.data.get("version")
    attributes: dict[str, Scalar] = {
        "kind": "update",
        "delay": power.data.get("delay"),
        "key": "version",
        "before": old,
        "after": new,
        "upload_seconds": power.data.get("upload", {}).get("seconds"),
    }
    # Old or new, it has to be a whole one: it runs and tells its version.
    value = new is not None if valid else None
    yield _fact(evidence, "power.kept", f"software {where}", value, [power, after], **attributes)


def _silent(evidence: Evidence, where: str, power: Record) -> Observation:
    value = None if power.failure else bool(power.data.get("silent"))
    failure = power.failure.reason if power.failure else None
    detail = power.failure.detail[:200] if power.failure else None
    return _fact(evidence, "power.silent", where, value, [power], failure=failure, detail=detail)


def _booted(evidence: Evidence, where: str, valid: bool) -> Observation | None:
    boot = evidence.record(f"{where}/boot")
    if boot is None or not boot.data.get("ready"):
        return None
    ready = boot.data["ready"]
    missing = [name for name, seconds in ready.items() if seconds is None]
    seconds = max((one for one in ready.values() if one is not None), default=None)
    value = not missing if valid else None
    if not missing:
        value = True
    return _fact(evidence, "power.booted", where, value, [boot], seconds=seconds, missing=", ".join(missing))


def _fact(
    evidence: Evidence, name: str, subject: str, value: Scalar, records: list[Record], **attributes: Scalar
) -> Observation:
    return Observation(name, subject, value, attributes, tuple(evidence.point(record) for record in records))
