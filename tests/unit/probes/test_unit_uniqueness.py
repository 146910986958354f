"""Labels of units: equal, derived, counting, and good."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import string

import pytest

from fakes.wire import MemoryStore, fake_wire
from sekisho.criteria.code_uniqueness import CRITERION
from sekisho.model.observation import Observations
from sekisho.model.terminal import Code, Login, Terminal, Unit
from sekisho.model.verdict import Finding, Verdict
from sekisho.probes.unit_uniqueness import PROBE
from sekisho.probes.unit_uniqueness.rules import derivation, pattern

MAC = "02:1A:2B:3C:4D:5E"
PUBLIC = {
    "mac": MAC,
    "ssid": "Router-7F3A",
    "serial": "SN2026001234",
    "model": "SK-1",
    "maker": "Sekisho Works",
}


def judged(
    *codes: str, units: int = 2, logins: tuple[Login, ...] = ()
) -> tuple[Finding, Observations, MemoryStore]:
    listed = tuple(
        Unit(
            chr(65 + place),
            f"SN202600{1234 + 7 * place}",
            f"02:1a:2b:3c:4d:{0x5E + place:02x}",
            f"net-{place}",
            code,
        )
        for place, code in enumerate(codes)
    )
    store = MemoryStore()
    terminal = Terminal(maker="Sekisho Works", model="SK-1", units=listed, logins=logins)
    evidence = asyncio.run(PROBE.collect(terminal, fake_wire(PROBE, store=store)))
    facts = tuple(PROBE.observe(evidence))
    assert {fact.name for fact in facts} <= set(PROBE.facts)
    found = Observations(facts, {PROBE.name: evidence.attempt})
    finding = CRITERION.judge(found, terminal, {"units": units})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding, found, store


def test_different_random_codes_pass_and_are_not_kept() -> None:
    codes = ("kV7mQ2xTa9", "p4WzR8sLdY")
    finding, found, store = judged(*codes)
    assert finding.verdict is Verdict.PASS
    shape = found.one("code.shape", "unit A")
    assert shape is not None
    assert (shape.value, shape.attributes["classes"], shape.attributes["attacked"]) == (10, 3, False)
    kept = str(store.events())
    for code in codes:
        assert code not in kept
        assert hashlib.sha256(code.encode()).hexdigest()[:8] not in kept, "no unkeyed digest either"


def test_one_code_for_two_of_three_units_fails() -> None:
    finding, _, _ = judged("kV7mQ2xTa9", "p4WzR8sLdY", "kV7mQ2xTa9")
    assert (finding.verdict, finding.reason, finding.arguments["units"]) == (Verdict.FAIL, "same", "A C")


def test_one_unit_is_too_few_unless_it_is_bad_already() -> None:
    assert judged("kV7mQ2xTa9")[0].reason == "too-few"
    assert judged("kV7mQ2xTa9")[0].verdict is Verdict.INCONCLUSIVE
    assert judged("kV7mQ2xTa9", "p4WzR8sLdY", units=3)[0].verdict is Verdict.INCONCLUSIVE
    assert judged("3C4D5E")[0].reason == "derived"


def test_no_codes_at_all() -> None:
    finding, _, _ = judged()
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "nothing-declared")
    shared = Login("web", "web", "form", preset=Code("admin", "admin"))
    assert judged(logins=(shared,))[0].verdict is Verdict.NOT_APPLICABLE
    claimed = Login("web", "web", "form", preset=Code("admin", "x"), unique_per_unit=True)
    assert judged(logins=(shared, claimed))[0].verdict is Verdict.INCONCLUSIVE
    assert CRITERION.judge(Observations(), Terminal(), {}).verdict is Verdict.NONE
    assert PROBE.plan(Terminal()) == ()


@pytest.mark.parametrize(
    "code",
    [
        "021a2b3c4d5e",
        "3C4D5E",
        "2b3c4d5e",
        "pw-3c4d5e",
        "e5d4c3b2a120",
        "5e4d3c2b1a02",
        str(int("3c4d5e", 16)),
        str(int("021a2b3c4d5e", 16)),
        "1a2b3c4d5f",
        "1A2B3C4D5D",
        "001234",
        "2026001235",
        "SK1",
        "7F3A",
        "router7f3a!",
        f"{2026001234:x}",
        hashlib.md5(b"021A2B3C4D5E").hexdigest()[:8],
        hashlib.sha1(b"02:1a:2b:3c:4d:5e").hexdigest()[-10:].upper(),
        hashlib.sha256(bytes.fromhex("021a2b3c4d5e")).hexdigest()[:6],
        hashlib.sha256(b"SN2026001234").hexdigest()[20:32],
        base64.b64encode(hashlib.sha256(b"021a2b3c4d5e").digest()).decode()[:10],
        base64.b64encode(hashlib.md5(b"SN2026001234").digest()).decode()[:12],
    ],
)
def test_what_follows_from_the_label_is_found(code: str) -> None:
    assert derivation(code, PUBLIC)


def test_random_codes_are_rarely_called_derived() -> None:
    """Of 4000 random codes of four kinds at most two may be called derived by chance."""
    chance = random.Random(20261121)
    alphabets = (
        string.digits,
        string.hexdigits[:16],
        string.ascii_lowercase + string.digits,
        string.ascii_letters,
    )
    found = [
        rule
        for number in range(4000)
        if (rule := derivation("".join(chance.choices(alphabets[number % 4], k=8 + number % 5)), PUBLIC))
    ]
    assert len(found) <= 2, found


@pytest.mark.parametrize(
    ("codes", "rule"),
    [
        (("10004711", "10004712"), "counter (base 10)"),
        (("00ff10a0", "00ff10a4"), "counter (base 16)"),
        (("kx7z9a", "kx7z9b"), "counter (base 36)"),
        (("90001000", "90001500"), "serial number plus a constant (base 10)"),
        (("Sekisho-a81k", "Sekisho-q02x"), "8 characters in common"),
    ],
)
def test_rules_between_units(codes: tuple[str, ...], rule: str) -> None:
    serials = ("SN1000", "SN1500")
    assert pattern(codes, serials) == rule


def test_no_rule_between_random_codes() -> None:
    chance = random.Random(7)
    found = 0
    for _ in range(1000):
        codes = ["".join(chance.choices(string.digits, k=10)) for _ in range(3)]
        found += bool(pattern(codes, ("SN1", "SN2", "SN3")))
    assert found <= 2
    assert pattern(("same", "same"), ("1", "2")) == ""


def test_a_counter_fails() -> None:
    finding, _, _ = judged("71004711", "71004712")
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "pattern")
