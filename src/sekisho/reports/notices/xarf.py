"""A notice as a XARF 4 report, for the network behind which the infected line is (a reseller, a company of its own).

The report names the line's address and the time, which touches secrecy: it is made from a re-identified contact only.
Other customers' addresses and the flow rows stay at home.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import msgspec

from sekisho.errors import RenderError
from sekisho.formats.xarf import VERSION, faults
from sekisho.language import Text
from sekisho.model.assignment import Outcome
from sekisho.model.case import Case
from sekisho.model.detection import Grade
from sekisho.model.identity import Identified
from sekisho.model.notice import Notice
from sekisho.model.notifying import Operator

# Our grades as the schema's number: an order, not a measured probability, and the description says so.
_CONFIDENCE = {Grade.WATCH: 0.3, Grade.LIKELY: 0.6, Grade.CONFIRMED: 0.9}


def xarf(
    notice: Notice, case: Case, found: Identified, operator: Operator, clock: Callable[[int], str]
) -> bytes:
    """Return the report as JSON; ``clock`` writes milliseconds as RFC 3339 text.

    ``timestamp`` is a moment at which the line was looked up, and ``source_port`` the port that it had then: where an
    address is shared, only both together name one line.

    :raises RenderError: what the schema requires is missing, such as the address of the line
    """
    party = {
        "org": operator.name.en,
        "contact": operator.reply_to or operator.sender,
        "domain": operator.domain,
    }
    family = re.sub(r"[^a-z0-9_+-]", "-", case.family.lower()).strip("-")
    methods = [re.sub(r"[^a-z0-9_+-]", "-", one.lower()) for one in case.methods]
    port, at = _moment(found, case)
    report = {
        "xarf_version": VERSION,
        "report_id": str(UUID(bytes=bytes.fromhex(notice.digest[:32]), version=4)),
        "timestamp": clock(at),
        "reporter": party,
        "sender": party,
        "source_identifier": found.address,
        "category": "infrastructure",
        "type": "botnet",
        "compromise_evidence": "Flow records of the line: " + (", ".join(case.methods) or case.key),
        "evidence_source": "flow_analysis",
        "first_seen": clock(case.first_seen),
        "last_seen": clock(case.last_seen),
        "confidence": _CONFIDENCE[case.grade],
        "description": f"Grade {case.grade.value} (confidence is an order of grades, not a probability). "
        f"Reference {notice.id}.",
        "tags": [*([f"malware:{family}"] if family else []), *(f"method:{one}" for one in methods)][:20],
    }
    if port:
        report["source_port"] = port
    if case.family:
        report["malware_family"] = case.family[:200]
    if wrong := faults(report):
        raise RenderError(
            Text(ja="XARFの必須項目が足りない", en="fields that XARF requires are missing"), "; ".join(wrong)
        )
    if not found.address:
        raise RenderError(
            Text(ja="回線のアドレスが分からない", en="the line's address is not known"), f"notice {notice.id}"
        )
    return msgspec.json.encode(report, order="sorted")


def _moment(found: Identified, case: Case) -> tuple[int, int]:
    """Return the last moment (port, milliseconds) that the logs answered for; one with a port before one without."""
    answered = [
        moment
        for moment, answer in zip(found.moments, found.answers, strict=True)
        if answer.outcome is Outcome.FOUND
    ]
    with_port = [moment for moment in answered if moment[0]]
    return (with_port or answered or [(0, case.last_seen)])[-1]
