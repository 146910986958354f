"""What the series say: tries in an hour, alive, owner, lock length, time for 10^6 codes; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar
from sekisho.probes.login_throttle.series import DEAD, held_off

MILLION = 1_000_000
HOUR = 3600.0
YEAR = 365.25 * 24 * HOUR
LEAST_SECONDS = 1e-3
STEADY_TRIES = 3
LONG_LOCK = 2.0


def observe_login(evidence: Evidence, name: str) -> Iterator[Observation]:
    """Derive the facts of one login path."""
    subject, base = f"login {name}", f"throttle/{name}/"
    control = evidence.record(f"{base}control")
    if control is None:
        return
    pointer = (evidence.point(control),)
    yield Observation("throttle.control", subject, control.data.get("accepted"), {}, pointer)
    rates: list[Observation] = []
    serial = evidence.record(f"{base}serial")
    bursts = [one.step for one in evidence.under(f"{base}parallel ") if " again " not in one.step]
    for mode in ("serial", *(step.removeprefix(base) for step in bursts)):
        record = evidence.record(base + mode)
        if record is None or not record.data.get("tries"):
            continue
        rates.append(_rate(evidence, name, mode, record, serial))
        yield from _state(evidence, name, mode, record)
    if serial is not None and serial.data.get("second") and rates:
        rates.append(_second(evidence, name, serial, rates[0]))
    yield from rates
    yield from _reboot(evidence, name)
    yield from _million(subject, rates, float(control.data.get("cap", 0)))


def looked_at(tries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tries that the terminal really looked at: refused as wrong, not held off, not broken."""
    return [one for one in tries if not held_off(one) and not one["failure"] and one["accepted"] is not None]


def _wait(evidence: Evidence, name: str, mode: str, data: Mapping[str, Any]) -> tuple[float, bool | None]:
    """Return a lower bound of the lock in seconds (the last refusal), and whether it ended."""
    if data.get("held") is False:
        return 0.0, True
    looks = evidence.under(f"throttle/{name}/{mode} again ")
    refused = [float(one.data["waited"]) for one in looks if one.data.get("accepted") is False]
    refused += [float(one.data["waited"]) for one in looks if one.data.get("accepted") is None and one.data]
    ended = any(one.data.get("accepted") for one in looks) if looks else None
    return max(refused, default=0.0), ended


def _elapsed(data: Mapping[str, Any]) -> float:
    """Return the series' time without the last pause before each try that was looked at again.

    That pause may have been longer than needed; leaving it out favours the attacker.
    """
    tries = data["tries"]
    spare = 0.0
    for before, one in pairwise(tries):
        if not held_off(one) and not one["failure"] and one.get("waited"):
            spare += float(one["waited"]) - float(before.get("waited", 0.0))
    return max(float(data["seconds"]) - spare, LEAST_SECONDS)


def _rate(evidence: Evidence, name: str, mode: str, record: Record, serial: Record | None) -> Observation:
    data = record.data
    tries, good = data["tries"], looked_at(data["tries"])
    lock, ended = _wait(evidence, name, mode, data)
    held = bool(data.get("held"))
    elapsed = _elapsed(data)
    if mode != "serial" and held and serial is not None and serial.data.get("held"):
        value = _gain(evidence, name, good, serial)
    elif mode == "serial":
        value = _pace(data, lock)
    else:
        value = len(good) / (elapsed + lock) * HOUR
    first = next((number for number, one in enumerate(tries) if held_off(one)), len(good) if held else None)
    # A service that died held nobody off: neither a lock nor a pace can be told from its silence.
    died = held and _life(data)[0] is False
    attributes: dict[str, Scalar] = {
        "mode": mode,
        "login": name,
        "tries": len(tries),
        "looked_at": len(good),
        "broken": sum(one["failure"] in DEAD for one in tries),
        "seconds": round(elapsed, 3),
        "first_delay": good[0]["seconds"] if good else None,
        "last_delay": good[-1]["seconds"] if good else None,
        "held": held,
        "locked_after": None if died else first,
        "lock_seconds": round(lock, 3) if held and not died else None,
        "lock_ended": ended,
        "cut": bool(serial.data.get("cut")) if serial is not None else False,
    }
    return Observation(
        "throttle.tries",
        f"login {name} {mode}",
        None if died else round(value, 2),
        attributes,
        _pointers(evidence, name, mode, record),
    )


def _pace(data: Mapping[str, Any], lock: float) -> float:
    """Return how many tries an hour the series could go on with.

    Steady state counts, not the free tries at the start: the later half. Where a long lock ended it, or the
    free tries come again after each wait, the whole cycle with its lock counts.
    """
    tries = data["tries"]
    good = looked_at(tries)
    first = next((number for number, one in enumerate(tries) if held_off(one)), len(tries))
    later = looked_at(tries[first:])
    if first == len(tries) and not data.get("held"):
        later = good
    gaps = _gaps(tries)
    steady = len(later) >= STEADY_TRIES and (first == len(tries) or all(one["waited"] > 0 for one in later))
    longest = max((float(one.get("waited", 0.0)) for one in good), default=0.0)
    if not steady or lock > LONG_LOCK * max(longest, 1.0):
        return len(good) / (_elapsed(data) + lock) * HOUR
    half = later[len(later) // 2 :]
    span = sum(gaps[id(one)] for one in half)
    return len(half) / max(span, LEAST_SECONDS) * HOUR


def _gaps(tries: list[dict[str, Any]]) -> dict[int, float]:
    """Return what each try cost at least: the longest wait that was seen to be too short, and the answer."""
    gaps: dict[int, float] = {}
    short = 0.0
    for one in tries:
        if held_off(one) or one["failure"]:
            short = float(one.get("waited", 0.0))
            continue
        gaps[id(one)] = short + float(one["seconds"])
        short = 0.0
    return gaps


def _gain(evidence: Evidence, name: str, good: list[dict[str, Any]], serial: Record) -> float:
    """A burst that the brake stopped: the serial pace, times what the burst got through beyond it.

    The right code that ends a series resets the brake, so a short wait after a burst says nothing about
    how fast an attacker without the code could go on; the serial series does.
    """
    data = serial.data
    tries = data["tries"]
    free = next((number for number, one in enumerate(tries) if held_off(one) or one["failure"]), len(tries))
    lock, _ = _wait(evidence, name, "serial", data)
    return _pace(data, lock) * max(1.0, len(good) / max(free, 1))


def _second(evidence: Evidence, name: str, serial: Record, pace: Observation) -> Observation:
    tries = serial.data["second"]
    through = bool(looked_at(tries))
    sources = 2 if through else 1
    attributes: dict[str, Scalar] = {
        "mode": "second-source",
        "login": name,
        "tries": len(tries),
        "looked_at": len(looked_at(tries)),
        "sources": sources,
        "cut": bool(serial.data.get("cut")),
        "held": bool(serial.data.get("held")),
    }
    value = None if pace.value is None else round(float(pace.value) * sources, 2)
    pointer = (evidence.point(serial),)
    return Observation("throttle.tries", f"login {name} second-source", value, attributes, pointer)


def _state(evidence: Evidence, name: str, mode: str, record: Record) -> Iterator[Observation]:
    """Derive liveness, the owner's way in and recovery after one series."""
    data, pointers = record.data, _pointers(evidence, name, mode, record)
    alive, how = _life(data)
    own: dict[str, Scalar] = {"mode": mode, "login": name}
    yield Observation("throttle.live", f"login {name} {mode}", alive, {**own, "how": how}, pointers)
    held = bool(data.get("held"))
    # Signing in is what is asked: a session from before that goes on is shown beside it and lets nobody in.
    owner: bool | None = data.get("owner") if held else True
    by = "other-address" if data.get("owner") else "known-session" if data.get("session") else ""
    attributes = {**own, "held": held, "by": by, "session": data.get("session"), "address": data.get("owner")}
    yield Observation("throttle.owner", f"login {name} {mode}", owner, attributes, pointers)
    if held:
        lock, ended = _wait(evidence, name, mode, data)
        seconds: dict[str, Scalar] = {**own, "seconds": round(lock, 3)}
        yield Observation("throttle.recovered", f"login {name} {mode}", ended, seconds, pointers)


def _life(data: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Return whether the service lived after a series, and how that was seen."""
    if data.get("right_after"):
        return True, "right-code"
    live = data.get("live", {})
    return _alive(live, live.get("from", []))


def _alive(live: Mapping[str, Any], views: list[dict[str, Any]]) -> tuple[bool | None, str]:
    """Dead is not locked: a port closed to every address of ours is a death, to one of them a lock."""
    if not views:
        return None, "not-looked"
    if any(one.get("speaks") for one in views):
        return True, "answers"
    others = set(live.get("others", []))
    neighbours = any(others & set(one["open"]) for one in views)
    if len(views) > 1 or (others and not neighbours):
        return False, "closed-to-all" if neighbours else "nothing-answers"
    return None, "closed-to-us"


def _reboot(evidence: Evidence, name: str) -> Iterator[Observation]:
    record, boot = (evidence.record(f"throttle/{name}/{step}") for step in ("after-reboot", "reboot"))
    if record is None or boot is None or not record.data.get("tries"):
        return
    before = evidence.record(f"throttle/{name}/before reboot")
    was = before is not None and any(held_off(one) for one in before.data.get("tries", []))
    good = looked_at(record.data["tries"])
    kept = held_off(record.data["tries"][0]) if was else None
    span = max(float(record.data["seconds"]), LEAST_SECONDS) + float(boot.data.get("boot_seconds", 0.0))
    attributes: dict[str, Scalar] = {
        "mode": "after-reboot",
        "login": name,
        "tries": len(record.data["tries"]),
        "looked_at": len(good),
        "kept": kept,
        "boot_seconds": boot.data.get("boot_seconds"),
    }
    value = round(len(good) / span * HOUR, 2)
    pointers = (evidence.point(record), evidence.point(boot))
    yield Observation("throttle.tries", f"login {name} after-reboot", value, attributes, pointers)


def _million(subject: str, rates: list[Observation], cap: float) -> Iterator[Observation]:
    measured = [
        one for one in rates if isinstance(one.value, (int, float)) and one.attributes.get("looked_at")
    ]
    if not measured:
        return
    fastest = max(measured, key=lambda one: float(one.value or 0))
    hourly = float(fastest.value or 0)
    if hourly <= 0:
        return
    seconds = MILLION / hourly * HOUR
    attributes: dict[str, Scalar] = {
        "years": round(seconds / YEAR, 4),
        "tries_per_hour": hourly,
        "mode": fastest.attributes["mode"],
        "codes": MILLION,
        "cap_per_second": cap,
    }
    yield Observation("throttle.million", subject, round(seconds, 1), attributes, fastest.because)


def _pointers(evidence: Evidence, name: str, mode: str, record: Record) -> tuple[Any, ...]:
    looks = evidence.under(f"throttle/{name}/{mode} again ")
    return (evidence.point(record), *(evidence.point(one) for one in looks[-1:]))
