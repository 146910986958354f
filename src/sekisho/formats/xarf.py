"""XARF 4: abuse reports as JSON, written and checked (xarf.org, specification 4, schema ``xarf-core``).

Checked is what the published core schema requires, and what ``infrastructure/botnet`` adds (``compromise_evidence``).
Fields that the schema leaves open pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

VERSION = "4.0.0"
REQUIRED = (
    "xarf_version",
    "report_id",
    "timestamp",
    "reporter",
    "sender",
    "source_identifier",
    "category",
    "type",
)
CATEGORIES = frozenset(
    {"messaging", "content", "copyright", "connection", "vulnerability", "infrastructure", "reputation"}
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION = re.compile(r"4\.[0-9]+\.[0-9]+")
_TAG = re.compile(r"[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+\-.]*")
_HASH = re.compile(r"(md5|sha1|sha256|sha512):[0-9a-fA-F]+")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_LONGEST_DESCRIPTION, _LONGEST_ORG, _MOST_EVIDENCE, _MOST_TAGS, _LAST_PORT = 1000, 200, 50, 20, 65535


def faults(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what keeps ``report`` from being a XARF 4 report: ``field: why``; empty when nothing does."""
    return tuple(_faults(report))


def _faults(report: Mapping[str, Any]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in report:
            yield f"{name}: missing"
    yield from _texts(report)
    for name in ("reporter", "sender"):
        if name in report:
            yield from _contact(name, report[name])
    if "category" in report and report["category"] not in CATEGORIES:
        yield f"category: unknown: {report['category']!r}"
    port = report.get("source_port", 1)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= _LAST_PORT:
        yield "source_port: not from 1 to 65535"
    confidence = report.get("confidence", 0)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        yield "confidence: not from 0 to 1"
    yield from _lists(report)
    if "_internal" in report:
        yield "_internal: never leaves the house"
    if (report.get("category"), report.get("type")) == ("infrastructure", "botnet"):
        yield from _botnet(report)


def _texts(report: Mapping[str, Any]) -> Iterator[str]:
    for name, form in (("xarf_version", _VERSION), ("report_id", _UUID)):
        if name in report and not (isinstance(report[name], str) and form.fullmatch(report[name])):
            yield f"{name}: wrong form"
    for name in ("timestamp", "first_seen", "last_seen"):
        if name in report and not _moment(report[name]):
            yield f"{name}: not a time with its offset"
    for name in ("source_identifier", "type"):
        if name in report and not (isinstance(report[name], str) and report[name]):
            yield f"{name}: not a text"
    description = report.get("description", "")
    if not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION:
        yield "description: longer than 1000 characters"


def _contact(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{name}: not an object"
        return
    for field in ("org", "contact", "domain"):
        if not (isinstance(value.get(field), str) and value[field]):
            yield f"{name}.{field}: missing"
    for field in value.keys() - {"org", "contact", "domain"}:
        yield f"{name}.{field}: not allowed"
    if len(str(value.get("org", ""))) > _LONGEST_ORG:
        yield f"{name}.org: longer than 200 characters"
    if isinstance(value.get("contact"), str) and not _MAIL.fullmatch(value["contact"]):
        yield f"{name}.contact: not an address of mail"
    if isinstance(value.get("domain"), str) and not _HOST.fullmatch(value["domain"]):
        yield f"{name}.domain: not a host name"


def _lists(report: Mapping[str, Any]) -> Iterator[str]:
    tags = report.get("tags", [])
    if not isinstance(tags, list) or len(tags) > _MOST_TAGS:
        yield "tags: not a list of at most 20"
    elif any(not (isinstance(one, str) and _TAG.fullmatch(one)) for one in tags):
        yield "tags: not namespace:word"
    evidence = report.get("evidence", [])
    if not isinstance(evidence, list) or len(evidence) > _MOST_EVIDENCE:
        yield "evidence: not a list of at most 50"
        return
    for number, one in enumerate(evidence):
        for field in ("content_type", "payload"):
            if not (isinstance(one, Mapping) and isinstance(one.get(field), str)):
                yield f"evidence[{number}].{field}: missing"
        if isinstance(one, Mapping) and not _HASH.fullmatch(str(one.get("hash", "md5:0"))):
            yield f"evidence[{number}].hash: not algorithm:hex"


def _botnet(report: Mapping[str, Any]) -> Iterator[str]:
    if not (isinstance(report.get("compromise_evidence"), str) and report["compromise_evidence"]):
        yield "compromise_evidence: missing"


def _moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
