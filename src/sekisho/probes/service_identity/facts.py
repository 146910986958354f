"""From what was said to what it means: pure, so that kept evidence can be read anew by a better reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sekisho.formats import adb, cwmp, mqtt, snmp, ssdp
from sekisho.formats.first_words import NOTHING, Words, shown
from sekisho.language import Text
from sekisho.model.evidence import Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Scalar
from sekisho.probes.service_identity import datagrams
from sekisho.probes.service_identity.talking import Exchange

FACTS = {
    "service.protocol": Text(ja="ポートが話すプロトコル", en="the protocol that a port speaks"),
    "service.anonymous": Text(
        ja="認証なしに管理情報の読出しや操作を許すか",
        en="whether management or control is given without a credential",
    ),
    "service.restored": Text(
        ja="試しに行った操作が元に戻ったか", en="whether what was tried has been undone"
    ),
    "service.gone": Text(ja="開いていたポートがもう応じない", en="a port that was open no longer answers"),
}
_MOST_LOCATIONS = 4
_NOT_FOUND = 404
_UNAUTHORIZED = 401
#: SNMP error statuses that refuse a write: noSuchName, readOnly (v1), noAccess, notWritable, authorizationError.
_WRITE_REFUSED = frozenset({2, 4, 6, 16, 17})


class Heard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a port turned out to be."""

    protocol: str
    tls: bool = False
    words: Words = NOTHING
    asked: str = ""
    banner: str = ""


def heard(record: Record) -> Heard:
    """Return what a ``talk`` or ``ask`` record shows; protocol is empty when nothing was said at all."""
    if "asks" in record.data:
        return _heard_datagrams(record)
    exchanges = [msgspec.convert(one, Exchange) for one in record.data.get("exchanges", ())]
    said = [one for one in exchanges if one.said]
    best = _best(said)
    if best is None:
        encrypted = any(one.tls and one.opened for one in exchanges)
        banner = shown(said[0].said.encode("latin-1")) if said else ""
        return Heard("unknown" if any(one.opened for one in exchanges) else "", encrypted, banner=banner)
    words = best.words()
    protocol = words.protocol
    if protocol == "http":
        if cwmp.speaks(words.product, words.challenge, words.title):
            protocol = "tr069"
        elif best.tls:
            protocol = "https"
    elif protocol == "tls":
        return Heard("unknown", tls=True)
    banner = words.product or shown(best.said.encode("latin-1"), 120)
    return Heard(protocol, best.tls, words, best.asked, banner)


def _best(said: list[Exchange]) -> Exchange | None:
    """Return the exchange that tells most: HTTP inside TLS beats the 400 to plain HTTP before it."""
    known = [one for one in said if one.words().protocol]
    clear = [one for one in known if one.words().protocol != "tls"]
    inside = [one for one in clear if one.tls]
    return next(iter((*inside, *clear, *known)), None)


def _heard_datagrams(record: Record) -> Heard:
    answered = False
    for one in record.data["asks"]:
        for said in one["answers"]:
            answered = True
            protocol = datagrams.understood(one["asked"], said)
            if protocol:
                return Heard(protocol, asked=one["asked"], banner=_product(protocol, said))
    return Heard("unknown" if answered else "")


def _product(protocol: str, said: str) -> str:
    data = said.encode("latin-1")
    if protocol == "upnp":
        found = ssdp.read_answer(data)
        return found.server if found else ""
    answer = snmp.read_answer(data) if protocol == "snmp" else None
    return shown(answer.value) if answer and answer.value else ""


def locations(record: Record) -> tuple[str, ...]:
    """Return the description addresses of SSDP answers, gateways' first, each once."""
    found = [
        answer
        for one in record.data.get("asks", ())
        for said in one["answers"]
        if (answer := ssdp.read_answer(said.encode("latin-1"))) and answer.location
    ]
    found.sort(key=lambda one: "WAN" not in one.target and "InternetGateway" not in one.target)
    return tuple(dict.fromkeys(one.location for one in found))[:_MOST_LOCATIONS]


def observe(evidence: Evidence) -> Iterator[Observation]:
    """Yield facts of all records."""
    onvif = {_key(one) for one in evidence.under("control/") if one.data.get("speaks")}
    announced = {
        (one.data["interface"], one.data["address"], "tcp", description["port"])
        for one in evidence.under("control/")
        for description in one.data.get("descriptions", ())
        if description.get("described")
    }
    for record in (*evidence.under("talk/"), *evidence.under("ask/")):
        if "port" not in record.data:
            continue
        yield from _protocol(evidence, record, onvif, announced)
    for record in evidence.under("control/"):
        if "port" in record.data:
            yield from _anonymous(evidence, record)


def _protocol(
    evidence: Evidence, record: Record, onvif: set[tuple[Any, ...]], announced: set[tuple[Any, ...]]
) -> Iterator[Observation]:
    found = heard(record)
    common = _common(record)
    if not found.protocol:
        if record.data["transport"] == "tcp":
            yield Observation("service.gone", _subject(record), True, common, (evidence.point(record),))
        return
    protocol = found.protocol
    if _key(record) in onvif:
        protocol = "onvif"
    elif protocol == "http" and _key(record) in announced and found.words.status in {0, 400, _NOT_FOUND, 501}:
        protocol = "upnp"
    attributes: dict[str, Scalar] = {
        **common,
        "product": found.words.product or (found.banner if record.data["transport"] == "udp" else ""),
        "tls": found.tls,
        "banner": found.banner,
        "title": found.words.title,
        "prompt": found.words.prompt,
        "status": found.words.status,
        "upnp": _key(record) in announced,
    }
    yield Observation("service.protocol", _subject(record), protocol, attributes, (evidence.point(record),))
    if protocol == "adb":
        for one in record.data["exchanges"]:
            message = adb.read_message(str(one["said"]).encode("latin-1"))
            if message:
                value = True if message.connected else False if message.wants_key else None
                yield _fact(evidence, record, "adb", value, changes=True, how=message.command)


def _anonymous(evidence: Evidence, record: Record) -> Iterator[Observation]:
    data = record.data
    if "reads" in data:
        yield from _snmp(evidence, record)
    elif "codes" in data:
        codes = [code for code in data["codes"].values() if code is not None]
        refused = any(code in mqtt.REFUSED_FOR_CREDENTIALS for code in codes)
        value = True if 0 in codes else False if refused else None
        yield _fact(evidence, record, "mqtt-connect", value, how=", ".join(map(str, codes)))
    elif "answers" in data:
        answers = data["answers"].values()
        given = next((path for path, one in data["answers"].items() if one["described"]), "")
        refused = any(one["status"] == _UNAUTHORIZED for one in answers)
        value = True if given else False if refused else None
        yield _fact(evidence, record, "rtsp-describe", value, how=given)
    elif data.get("speaks"):
        value = True if data["given"] else False if data["refused"] else None
        yield _fact(evidence, record, "onvif-read", value, how="GetDeviceInformation")
    for one in data.get("descriptions", ()):
        if "mapping" in one:
            yield from _mapping(evidence, record, one["mapping"])


def _snmp(evidence: Evidence, record: Record) -> Iterator[Observation]:
    data = record.data
    read = [one["community"] for one in data["reads"] if one["error"] == 0]
    value = True if read else False if data["alive"] else None
    yield _fact(evidence, record, "snmp-read", value, how=", ".join(read))
    wrote = [one["community"] for one in data["writes"] if one["error"] == 0]
    tried = [one for one in data["writes"] if one["error"] is not None]
    refused = bool(tried) and all(one["error"] in _WRITE_REFUSED for one in tried)
    # No community opens it at all, though the agent lives: writing is refused with the reading.
    shut = data["alive"] and not data["reads"]
    value = True if wrote else False if refused or shut else None
    yield _fact(evidence, record, "snmp-write", value, changes=True, how=", ".join(wrote))
    for one in data["writes"]:
        if one["error"] == 0:
            yield Observation(
                "service.restored", _subject(record), one["kept"], {**_common(record), "what": "snmp-write"},
                (evidence.point(record),),
            )  # fmt: skip


def _mapping(evidence: Evidence, record: Record, mapping: dict[str, Any]) -> Iterator[Observation]:
    if not mapping["tried"]:
        yield _fact(evidence, record, "port-mapping", None, changes=True, how="")
        return
    value = True if mapping["mapped"] else False if mapping["error"] else None
    how = f"{mapping['client']}:{mapping['port']} → {mapping['status']} {mapping['error'] or ''}".strip()
    yield _fact(evidence, record, "port-mapping", value, changes=True, how=how)
    if mapping["mapped"]:
        attributes = {**_common(record), "what": "port-mapping"}
        yield Observation(
            "service.restored", _subject(record), mapping["gone"], attributes, (evidence.point(record),)
        )


def _fact(
    evidence: Evidence, record: Record, what: str, value: bool | None, *, how: str, changes: bool = False
) -> Observation:
    attributes: dict[str, Scalar] = {**_common(record), "what": what, "changes": changes, "how": how}
    return Observation("service.anonymous", _subject(record), value, attributes, (evidence.point(record),))


def _subject(record: Record) -> str:
    return f"{record.data['interface']} {record.data['transport']}/{record.data['port']}"


def _key(record: Record) -> tuple[Any, ...]:
    return tuple(record.data.get(name) for name in ("interface", "address", "transport", "port"))


def _common(record: Record) -> dict[str, Scalar]:
    names = ("interface", "role", "address", "transport", "port", "declared", "service")
    return {name: record.data[name] for name in names}
