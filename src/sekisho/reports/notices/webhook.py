"""A notice as signed JSON for a system of the operator's, such as its CRM.

Header ``Sekisho-Signature: t=<seconds>,v1=<hex>``: HMAC-SHA256 over ``<seconds>.<body>`` with the shared key, so that a
receiver can refuse what is forged, altered or old. ``Idempotency-Key`` is the notice's id: a receiver that has seen it
answers 200 and does nothing. The line is named by the operator's own customer number.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from sekisho.model.case import Case
from sekisho.model.identity import Contact
from sekisho.model.notice import Notice

SIGNATURE = "Sekisho-Signature"


def body(notice: Notice, case: Case, contact: Contact) -> bytes:
    """Return the JSON; keys sorted, so that the same notice gives the same octets."""
    return msgspec.json.encode(
        {
            "type": "notice",
            "version": 1,
            "notice": notice.id,
            "case": notice.case,
            "key": case.key,
            "customer": contact.account,
            "language": notice.language,
            "subject": notice.subject,
            "body": notice.body,
            "digest": notice.digest,
            "approved_by": notice.approved_by,
            "first_seen": case.first_seen,
            "last_seen": case.last_seen,
        },
        order="sorted",
    )


def headers(payload: bytes, identifier: str, key: bytes, seconds: int) -> Mapping[str, str]:
    """Return the headers that go with ``payload``."""
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": identifier,
        SIGNATURE: f"t={seconds},v1={_mac(payload, key, seconds)}",
    }


def genuine(payload: bytes, header: str, key: bytes, now: int, *, tolerance: int = 300) -> bool:
    """Say whether ``header`` signs ``payload`` and is not older or newer than ``tolerance`` seconds; for receivers."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp = fields.get("t", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 20) or abs(now - int(stamp)) > tolerance:  # noqa: PLR2004 - digits of 64 bits
        return False
    return hmac.compare_digest(_mac(payload, key, int(stamp)).encode(), fields.get("v1", "").encode())


def _mac(payload: bytes, key: bytes, seconds: int) -> str:
    return hmac.new(key, f"{seconds}.".encode() + payload, hashlib.sha256).hexdigest()
