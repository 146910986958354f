"""Whether each unit has a code of its own that nothing public leads to.

Question: Do the preset codes of two or more units differ, and can any be derived from what is printed
    or sent in the open: MAC address, SSID, serial number, model?
How: The codes of the description's units are compared with each other (equal, counting, sharing most of
    their characters) and with forms of each public value: part, end, reversed, hexadecimal and decimal,
    one more and one less, and MD5, SHA-1 and SHA-256 of it in hexadecimal and base64. Nothing is sent.
Evidence: Step ``units``: which units' codes are equal, by number of the group, rules found, shape. The codes
    themselves are never kept.
Limits: Two or three units can show that codes are bad, not that they are good: the entropy of a generation
    rule can't be proven by samples. A rule with a secret, or one that is not listed above, stays unseen.
Source: 第34条の10 第2号 (different per unit), 2025 report (JP25-2b); TS 103 701 5.1-2-1 (no counter, no
    common string, not derivable from public data).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from sekisho.formats import codes
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal, Unit
from sekisho.ports import Wire
from sekisho.probes.unit_uniqueness.rules import derivation, pattern

_STEP = "units"


class UnitUniqueness:
    """Compares the labels of several units."""

    name = "unit_uniqueness"
    version = "1"
    risk = Risk.READ
    title = Text(ja="機器ごとに異なる識別符号", en="Codes of several units")
    facts = {
        "code.units": Text(ja="符号を比べた機器の数", en="how many units' codes were compared"),
        "code.same": Text(ja="二つの機器の符号が同じか", en="whether two units have the same code"),
        "code.derived": Text(
            ja="公開の値（MAC、SSID、製造番号、型名）から導けるか",
            en="whether a code follows from public values (MAC, SSID, serial, model)",
        ),
        "code.shape": Text(ja="符号の長さと文字種", en="length and classes of a code"),
        "code.pattern": Text(
            ja="機器の間の規則（連番、共通部分）", en="a rule between units (counter, common part)"
        ),
    }

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say whose codes are compared; nothing is sent."""
        units = _coded(terminal)
        if not units:
            return ()
        names = ", ".join(unit.id for unit in units)
        return (
            Text(
                ja=f"機器 {names} の初期の符号を比べる（機器へは何も送らない）",
                en=f"Compare the preset codes of units {names} (nothing is sent)",
            ),
        )

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Compare; the codes stay in memory."""
        units = _coded(terminal)
        if not units:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))

        async def compare() -> Mapping[str, Any]:
            return measure(units, terminal)

        record = await wire.step(_STEP, compare)
        if record.failure is not None:
            return wire.seal(Attempt(AttemptStatus.FAILED, "tool", record.failure.detail[:300]))
        return wire.seal(Attempt(AttemptStatus.DONE))

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive the facts of each unit and of each pair."""
        record = evidence.record(_STEP)
        if record is None or record.failure is not None:
            return
        because = (evidence.point(record),)
        units = record.data["units"]
        yield Observation(
            "code.units", "units", len(units), {"compared": ", ".join(u["id"] for u in units)}, because
        )
        for unit in units:
            subject = f"unit {unit['id']}"
            yield Observation("code.shape", subject, unit["shape"]["length"], dict(unit["shape"]), because)
            rule, checked = unit["rule"], ", ".join(unit["public"])
            yield Observation(
                "code.derived", subject, bool(rule), {"rule": rule, "checked": checked}, because
            )
        for one, other in combinations(units, 2):
            same = one["group"] == other["group"]
            yield Observation("code.same", f"units {one['id']} {other['id']}", same, {}, because)
        if len(units) > 1:
            names = " ".join(unit["id"] for unit in units)
            rule = record.data["pattern"]
            yield Observation("code.pattern", f"units {names}", bool(rule), {"rule": rule}, because)


def measure(units: tuple[Unit, ...], terminal: Terminal) -> dict[str, Any]:
    """Return what may be kept of the units: groups of equal codes, rules, shapes; no code."""
    known = [str(unit.code) for unit in units]
    rows = []
    for unit, code in zip(units, known, strict=True):
        public = {
            "mac": unit.mac,
            "ssid": unit.ssid,
            "serial": unit.serial,
            "model": terminal.model,
            "maker": terminal.maker,
        }
        given = {name: value for name, value in public.items() if value}
        rows.append(
            {
                "id": unit.id,
                "group": known.index(code),
                "public": sorted(given),
                "rule": derivation(code, given),
                "shape": {
                    "length": len(code),
                    "classes": codes.classes(code),
                    "single": codes.single(code),
                    "sequential": codes.sequential(code),
                    "attacked": codes.attacked(code),
                },
            }
        )
    serials = [unit.serial for unit in units]
    return {"units": rows, "pattern": pattern(known, serials)}


def _coded(terminal: Terminal) -> tuple[Unit, ...]:
    return tuple(unit for unit in terminal.units if isinstance(unit.code, str) and unit.code)


PROBE = UnitUniqueness()
