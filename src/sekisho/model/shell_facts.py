"""The facts about shells that the telnet and SSH probes derive from their records; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sekisho.language import Text
from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.shell_login import PUBLIC
from sekisho.model.verdict import Scalar

_ANSWERS = frozenset({"refused", "reset", "quiet", "closed"})
_SILENT = frozenset({"timed-out", "unreachable"})
_SHAPE = ("shown", "user", "prompted", "listed", "attacked", "single", "sequential", "derived", "length")
_SHELL_PROOFS = ("nonce", "prompt")


def documented(protocol: str) -> Mapping[str, Text]:
    """Return what each fact about a shell over ``protocol`` means."""
    return {
        "shell.offered": Text(
            ja=f"そのポートで{protocol}が提供されているか", en=f"whether {protocol} is offered at that port"
        ),
        "shell.opened": Text(ja="シェルが開いたか", en="whether a shell was opened"),
        "login.path": Text(ja="ログイン経路（値は方式）", en="a login path; its value is the kind"),
        "login.live": Text(ja="試行の前後で応答したか", en="whether it answered before and after the tries"),
        "login.anonymous": Text(ja="識別符号なしで開いたか", en="whether it opens without any code"),
        "login.random": Text(
            ja="でたらめな識別符号が通ったか（陰性対照）",
            en="whether nonsense is accepted (negative control)",
        ),
        "login.accepted": Text(
            ja="その出所の識別符号が通ったか", en="whether the code of that origin is accepted"
        ),
        "login.tried": Text(
            ja="公知・推測符号の試行数と省いた数", en="how many listed codes were tried, and how many skipped"
        ),
    }


def offered(evidence: Evidence, prefix: str) -> Iterator[Observation]:
    """Yield ``shell.offered`` of every door that was looked at.

    Silence only means "not offered" when the terminal answered somewhere else: it may be dead.
    """
    records = evidence.under(f"{prefix}/door/")
    alive = any(one.data.get("ended") in _ANSWERS for one in records)
    for record in records:
        # A step that failed as a whole has no data; its name still says where.
        interface, _, port = record.step.split("/", 2)[2].rsplit(" ", 2)
        value, how = _offer(record.data, alive=alive)
        more: dict[str, Scalar] = {**record.data.get("door", {}), "how": how}
        yield Observation("shell.offered", f"{interface} tcp/{port}", value, more, (evidence.point(record),))


def _offer(data: Mapping[str, Any], *, alive: bool) -> tuple[bool | None, str]:
    ended = str(data.get("ended", "failed"))
    if data.get("speaks"):
        return True, "prompt"
    if ended in _SILENT:
        return (False, "silent") if alive else (None, ended)
    return data.get("speaks"), ended


def login_facts(evidence: Evidence, prefix: str, kind: str) -> Iterator[Observation]:
    """Yield the facts of each login that was tried, from the steps ``<prefix>/<name>/code …``."""
    names = dict.fromkeys(
        str(one.data["login"]) for one in evidence.under(f"{prefix}/login/") if one.data.get("login")
    )
    for name in names:
        records = [one for one in evidence.under(f"{prefix}/login/") if one.data.get("login") == name]
        yield from _of_login(evidence, name, kind, records)


def _of_login(evidence: Evidence, name: str, kind: str, records: list[Record]) -> Iterator[Observation]:
    subject, where = f"login {name}", dict(records[0].data.get("door", {}))
    base = records[0].data.get("base", "")

    def fact(
        called: str, value: Scalar, used: Iterable[Record], more: Mapping[str, Scalar] | None = None
    ) -> Observation:
        pointers = tuple(evidence.point(one) for one in used)
        return Observation(
            called, subject, value, {**where, "login": base or name, **(more or {})}, pointers[:8]
        )

    tries = [one for one in records if "accepted" in one.data]
    yield fact("login.path", kind, records[:1], {"path": ""})
    for record in records:
        if "live" in record.data:
            yield fact("login.live", record.data["live"], [record], {"when": record.data["when"]})
    for record in _from(tries, "none"):
        yield fact("login.anonymous", record.data["accepted"], [record], {"how": record.data["proof"]})
    nonsense = _from(tries, "random")
    if nonsense:
        accepted = _any([one.data["accepted"] for one in nonsense])
        why = next((f for one in nonsense if (f := one.data.get("sign_in_failure"))), "")
        untried = {"sign_in_failure": why} if accepted is None and why else None
        yield fact("login.random", accepted, nonsense, untried)
    for record in tries:
        yield from (fact("login.accepted", record.data["accepted"], [record], how) for how in _origin(record))
    for record in records:
        if "skipped" in record.data:
            keys = ("lists", "skipped", "weak", "foreign", "why", "budget", "locked")
            yield fact("login.tried", record.data["tried"], [record], {key: record.data[key] for key in keys})
    if tries:
        yield fact("shell.opened", *_opened(tries))


def _opened(tries: list[Record]) -> tuple[bool | None, list[Record], dict[str, Scalar]]:
    """Return whether any try opened a shell, the records that say so, and by which code and proof."""
    for one in tries:
        if one.data["accepted"] and str(one.data["proof"]).endswith(_SHELL_PROOFS):
            return True, [one], {"by": one.data["code"], "prompt": one.data["proof"]}
    told = [one for one in tries if one.data["accepted"] is not None]
    return (False, told, {}) if told else (None, tries, {})


def _origin(record: Record) -> Iterator[dict[str, Scalar]]:
    """Yield the attributes of a try worth a fact: a code of the description, or a listed one that opened."""
    data = record.data
    listed, reset = data["code"] in PUBLIC, "/code right for " in record.step
    if reset or data["code"] in {"none", "random"} or (listed and data["accepted"] is not True):
        return
    more: dict[str, Scalar] = {key: data[key] for key in _SHAPE if key in data}
    if data["accepted"] is None and data.get("sign_in_failure"):
        more["sign_in_failure"] = data["sign_in_failure"]
    yield {"origin": data["code"], "proof": data["proof"], **more}


def _from(tries: list[Record], origin: str) -> list[Record]:
    return [one for one in tries if one.data["code"] == origin]


def _any(values: list[Any]) -> bool | None:
    if True in values:
        return True
    return False if values and all(one is False for one in values) else None
