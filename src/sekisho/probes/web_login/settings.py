"""Who can change a setting: written with every kind of right, read back with the right one, put back again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Setting, Terminal
from sekisho.ports import Reading, Wire
from sekisho.probes.web_login.codes import allowed_in_a_row, open_as, right_code
from sekisho.probes.web_login.places import Target

WHO = ("none", "right", "wrong", "low")


async def try_settings(terminal: Terminal, target: Target, wire: Wire, *, open_to_all: bool) -> None:
    """Try to write each setting of this login with each kind of right.

    What everybody can read is read as nobody: signing in where nothing is shut proves nothing.
    """
    reader = "none" if open_to_all or right_code(target.login) is None else "right"
    for setting in terminal.settings:
        if setting.login == target.login.name:
            await _try_setting(terminal, target, wire, setting, reader)


async def _try_setting(terminal: Terminal, target: Target, wire: Wire, setting: Setting, reader: str) -> None:
    base = f"web/{target.name}/setting {setting.name}/"
    own = {**target.attributes, "setting": setting.name, "telecom": setting.telecom}

    async def before() -> dict[str, Any]:
        reading, by = await _read(target, wire, setting, reader), reader
        if reading.value is None:
            reading, by = await _read(target, wire, setting, "none"), "none"
        return {**own, "value": reading.value, "reader": by, **_brief(reading)}

    first = await wire.step(f"{base}before", before)
    old, reader = first.data.get("value"), first.data.get("reader", reader)
    if old is None:
        return
    own["reader"] = reader
    for who in WHO:
        if not _possible(target, wire, who):
            continue
        record = await _write_as(terminal, target, wire, setting, (who, reader, str(old)), own)
        if record.failure is not None or record.data.get("back") is not True:
            await _put_back(target, wire, setting, (who, reader, str(old)), own)
        if who == reader == "none" and _changed(record.data):
            # Open to everybody: signing in means nothing here and would only use the budget up.
            break

    async def after() -> dict[str, Any]:
        reading = await _read(target, wire, setting, reader)
        return {**own, "old": old, "value": reading.value, **_brief(reading)}

    last = await wire.step(f"{base}after", after)
    if _same(last.data.get("value"), str(old)):
        wire.restored(setting.name)


def _possible(target: Target, wire: Wire, who: str) -> bool:
    if who == "right":
        return right_code(target.login) is not None
    if who == "low":
        return target.login.low is not None
    if who == "wrong":
        return target.login.kind != "none" and allowed_in_a_row(target.login, wire) > 0
    return True


async def _write_as(
    terminal: Terminal,
    target: Target,
    wire: Wire,
    setting: Setting,
    way: tuple[str, str, str],
    own: dict[str, Any],
) -> Record:
    """Write the other value as ``who``, read it with the ``reader``'s right, and put the old one back."""
    who, reader, old = way
    other = next((value for value in setting.values if not _same(value, old)), "")

    async def attempt() -> dict[str, Any]:
        source = _attacker(terminal, target) if who != "right" else ""
        sign_in, session = await open_as(target, wire, who, source)
        told: dict[str, Any] = {"accepted": sign_in.accepted if sign_in else None}
        if sign_in is not None and sign_in.failure == "budget":
            await session.close()
            return {**own, "who": who, "old": old, "sent": False, "why": "budget", **told}
        written = await session.run(setting.write, {"value": other})
        await session.close()
        seen = await _read(target, wire, setting, reader)
        data = {**own, "who": who, "source": source, "old": old, "sent": True, "wrote": other, **told}
        data |= {"read": seen.value, "answer": _brief(written), **_brief(seen)}
        if seen.value is not None and not _same(seen.value, old):
            back = await _write_back(target, wire, setting, (who, reader, old))
            data["back"] = _same(back.value, old)
        else:
            data["back"] = seen.value is not None
        return data

    undo = {"setting": setting.name, "value": old}
    return await wire.step(f"web/{target.name}/setting {setting.name}/as {who}", attempt, undo=undo)


async def _put_back(
    target: Target, wire: Wire, setting: Setting, way: tuple[str, str, str], own: dict[str, Any]
) -> None:
    who, _, old = way

    async def again() -> dict[str, Any]:
        reading = await _write_back(target, wire, setting, way)
        return {**own, "old": old, "read": reading.value, **_brief(reading)}

    await wire.step(f"web/{target.name}/setting {setting.name}/back after {who}", again)


async def _write_back(target: Target, wire: Wire, setting: Setting, way: tuple[str, str, str]) -> Reading:
    """Write the old value as the owner; failing that, as nobody, or as whoever could write the other one."""
    who, reader, old = way
    seen = await _read(target, wire, setting, reader)
    for one in dict.fromkeys(("right", reader, who)):
        if _same(seen.value, old):
            break
        if _possible(target, wire, one):
            _, session = await open_as(target, wire, one)
            await session.run(setting.write, {"value": old})
            await session.close()
            seen = await _read(target, wire, setting, reader)
    return seen


async def _read(target: Target, wire: Wire, setting: Setting, reader: str) -> Reading:
    _, session = await open_as(target, wire, reader)
    reading = await session.run(setting.read)
    await session.close()
    return reading


def _attacker(terminal: Terminal, target: Target) -> str:
    """Return a second own address: some devices keep the session by the source address."""
    interface = terminal.interface(target.place.interface)
    own = interface.sources if interface is not None else ()
    alike = [one for one in own if (":" in one) == (":" in target.place.address)]
    return alike[1] if len(alike) > 1 else ""


def _brief(reading: Reading) -> dict[str, Any]:
    return {"status": reading.status, "title": reading.title, "reading_failure": reading.failure}


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.strip() == other.strip()


def observe_settings(evidence: Evidence) -> Iterator[Observation]:
    """Derive ``setting.write`` and ``setting.restored`` from what was read back, never from a status."""
    kept = (
        "setting",
        "telecom",
        "login",
        "interface",
        "role",
        "address",
        "port",
        "declared",
        "who",
        "source",
    )
    for record in evidence.under("web/"):
        head, _, rest = record.step.removeprefix("web/").partition("/setting ")
        name, _, act = rest.rpartition("/")
        if not act:
            continue
        place = "" if head == record.data.get("login") else f" of {head}"
        subject, data, pointer = f"setting {name}{place}", record.data, (evidence.point(record),)
        attributes = {key: data[key] for key in kept if key in data}
        if act == "before" and data.get("value") is None:
            yield Observation("setting.read", subject, False, attributes, pointer)
        elif act.startswith("as "):
            attributes |= {"who": act.removeprefix("as "), "setting": name}
            attributes["login"] = data.get("login", head)
            yield Observation(
                "setting.write", f"{subject} as {attributes['who']}", _changed(data), attributes, pointer
            )
        elif act == "after":
            value = _same(data.get("value"), str(data.get("old"))) if data.get("value") is not None else None
            yield Observation("setting.restored", subject, value, attributes, pointer)


def _changed(data: dict[str, Any]) -> bool | None:
    """The read-back shows the new value: changed; the old one: not; nothing or no attempt: unknown."""
    if not data.get("sent") or data.get("read") is None:
        return None
    return not _same(data["read"], data["old"])
