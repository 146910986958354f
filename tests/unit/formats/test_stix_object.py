"""One STIX object at the door: what is good stays as it is, what two readers could understand differently is refused."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from fakes.hub import address, indicator
from sekisho.formats.stix_object import DEEPEST, ObjectFault, check, is_identifier, time_key
from sekisho.formats.stix_types import ONE_OF, TYPES

MARKING = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def checked(one: Any) -> Any:
    return check(json.dumps(one).encode())


def without(one: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"x_custom": {"deep": [None, {}, []]}, "ünknown": 1.0},
        {"object_marking_refs": [MARKING], "confidence": 100, "revoked": False, "labels": ["a"]},
        {"granular_markings": [{"selectors": ["name"], "lang": "ja"}]},
        {"granular_markings": [{"selectors": ["name"], "marking_ref": MARKING}]},
        {"external_references": [{"source_name": "cve"}]},
        {"valid_until": "2026-01-01T00:00:00.0001Z"},
    ],
)
def test_good(more: dict[str, Any]) -> None:
    found = checked(indicator(**more))
    assert (found.type, found.version) == ("indicator", "2026-01-01T00:00:00.000Z")
    assert found.version_key == "2026-01-01T00:00:00."


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"id": "indicator--1"}, "id"),
        ({"id": f"malware--{UUID(int=1, version=4)}"}, "id"),
        ({"id": f"indicator--{UUID(int=171, version=4)}".upper()}, "id"),
        ({"type": "Indicator"}, "type"),
        ({"type": "bundle"}, "bundle"),
        ({"type": None}, "type"),
        ({"spec_version": "2.0"}, "spec_version"),
        ({"created": "2026-01-02T00:00:00Z"}, "modified"),
        ({"modified": "2026-02-30T00:00:00Z"}, "modified"),
        ({"modified": "2026-01-02T00:00:00+00:00"}, "modified"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, "valid_until"),
        ({"created_by_ref": MARKING}, "created_by_ref"),
        ({"x_any_ref": "no"}, "x_any_ref"),
        ({"object_marking_refs": ["x"]}, "object_marking_refs"),
        ({"object_marking_refs": MARKING}, "object_marking_refs"),
        ({"labels": []}, "labels"),
        ({"labels": "a"}, "labels"),
        ({"name": None}, "name"),
        ({"confidence": 101}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"revoked": 1}, "revoked"),
        ({"external_references": [{}]}, "external_references"),
        ({"kill_chain_phases": {"a": 1}}, "kill_chain_phases"),
        ({"granular_markings": [{"selectors": ["a"]}]}, "granular_markings"),
        ({"granular_markings": [{"selectors": [], "lang": "ja"}]}, "granular_markings"),
        ({"extensions": [1]}, "extensions"),
        ({"pattern": 1}, "pattern"),
    ],
)
def test_bad(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ObjectFault) as fault:
        checked(indicator() | more)
    assert why in fault.value.what


@pytest.mark.parametrize("kind", TYPES)
def test_what_each_type_must_have(kind: str) -> None:
    """An object with all that the table asks for is good; without any one of it, it is not."""
    values: dict[str, Any] = {
        "spec_version": "2.1",
        "number": 1,
        "number_observed": 1,
        "is_family": True,
        "contents": {"a": {}},
    }
    values["value"] = "2001:db8::1" if kind == "ipv6-addr" else "192.0.2.1/24"

    def value(name: str) -> Any:
        if name.endswith("_refs"):
            return [MARKING]
        if name.endswith("_ref"):
            return f"identity--{UUID(int=1, version=4)}" if name == "created_by_ref" else MARKING
        times = name in {"created", "modified", "valid_from", "first_observed", "last_observed", "published"}
        return values.get(
            name, "2026-01-01T00:00:00Z" if times else {"a": 1} if name == "extensions" else "text"
        )

    group = ONE_OF.get(kind, ((),))[-1]
    names = {*TYPES[kind][1], *group}
    one = {"type": kind, "id": f"{kind}--{UUID(int=1, version=4)}"} | {name: value(name) for name in names}
    checked(one)
    for name in names:
        with pytest.raises(ObjectFault):
            checked(without(one, name))


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"[]", b"1", b'"a"', b"{", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"\xef\xbb\xbf{}",
        b'{"a":' + b"1" * 5000 + b"}", b'{"a":' * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}', b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
    ],
)  # fmt: skip
def test_hostile_octets(octets: bytes) -> None:
    with pytest.raises(ObjectFault):
        check(octets)


def test_a_marking_cannot_be_smuggled_by_a_second_name() -> None:
    text = json.dumps(indicator(object_marking_refs=[MARKING]))[:-1]
    for name in ("object_marking_refs", "object_marking\\u005frefs"):
        with pytest.raises(ObjectFault, match="twice"):
            check(f'{text},"{name}":["{MARKING}"]}}'.encode())


def test_digest_is_of_the_value() -> None:
    one, other = indicator(), dict(reversed(indicator().items()))
    assert checked(one).digest == check(json.dumps(other, indent=2).encode()).digest
    assert checked(one).digest != checked(indicator(name="a")).digest


def test_versions() -> None:
    assert checked(address()).version == checked(address()).version_key == ""
    marking = {"type": "marking-definition", "spec_version": "2.1", "id": MARKING, "created": "2026-01-01T00:00:00.10Z",
               "definition_type": "statement", "definition": {"statement": "a"}}  # fmt: skip
    assert checked(marking).version_key == "2026-01-01T00:00:00.1"


def test_times() -> None:
    rising = ["0001-01-01T00:00:00Z", "2016-12-31T23:59:59.9Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000001Z",
              "2017-01-01T00:00:00.00001Z", "2017-01-01T00:00:00.1Z"]  # fmt: skip
    keys = [time_key(one) for one in rising]
    assert keys == sorted(set(keys))
    assert time_key("2017-01-01T00:00:00.100Z") == time_key("2017-01-01T00:00:00.1Z")
    for bad in ("", "2017", "2017-01-01T24:00:00Z", "2017-01-01T00:00:61Z", "2017-13-01T00:00:00Z", "2017-01-01T00:00:00.Z",
                "2017-01-01t00:00:00z", "２017-01-01T00:00:00Z", "0000-01-01T00:00:00Z", 5, None, "2017-01-01T00:00:00." + "0" * 99 + "Z"):  # fmt: skip
        assert time_key(bad) == ""


def test_identifiers() -> None:
    assert is_identifier(MARKING)
    assert not is_identifier(MARKING, "identity")
    for bad in (
        "",
        "--",
        "a--b",
        MARKING + "x",
        MARKING.replace("--", "-"),
        5,
        "а" + MARKING,
        "x--y--" + MARKING[20:],
    ):
        assert not is_identifier(bad)
