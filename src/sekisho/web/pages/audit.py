"""The audit log: every act that touches a person's secrecy, newest first, and whether its chain is whole.

Analysts may read it, viewers not: it shows what colleagues looked at.
"""

from __future__ import annotations

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.purpose import LegalBasis
from sekisho.stores.database.audit_pages import AuditFilter
from sekisho.web import filtering
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.web.telling import ACTS, reference, where

_PAGE, _EXPORTED = 50, 10_000
_FIELDS = ("who", "act", "object", "since", "until")
HEAD = ("seq", "at", "who", "role", "act", "object", "basis", "reason", "details", "prev", "hash")


def _list(asked: Asked) -> Response:
    query, desk = asked.query, asked.office.console.keeping
    who = asked.who.name if asked.who else ""
    wanted = AuditFilter(
        who=query.get("who", "").strip(),
        act=query.get("act", "").strip(),
        object=query.get("object", "").strip(),
        since=filtering.moment(asked, "since"),
        until=filtering.moment(asked, "until", ends=True),
    )
    if "format" in query:
        rows = desk.audit(wanted, limit=_EXPORTED, who=who)
        return asked.export("audit", HEAD, [_row(one) for one in rows])
    after = query.get("after", "")
    before = int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else 0  # noqa: PLR2004 - fits a counter
    found = desk.audit(wanted, before=before, limit=_PAGE + 1, who=who)
    head = query.get("head", "").strip()
    return asked.page(
        "audit.html",
        found=found[:_PAGE],
        next=str(found[_PAGE - 1].seq) if len(found) > _PAGE else "",
        checked=desk.verify_audit(head) if "check" in query else None,
        noted=head,
        filtered=any(query.get(name) for name in _FIELDS),
        acts=ACTS,
        bases={one.value: one.label for one in LegalBasis},
        where=where,
        reference=reference,
        since=filtering.day(asked, "since"),
        until=filtering.day(asked, "until", ends=True),
    )


def _row(one: object) -> tuple[str | int, ...]:
    details = getattr(one, "details")  # noqa: B009 - rows are read by name
    said = ", ".join(f"{name}={value}" for name, value in details.items())
    return tuple(said if name == "details" else getattr(one, name) for name in HEAD)


PAGE = Page(
    "audit",
    Text(ja="監査記録", en="Audit log"),
    (Route("GET", "/audit", _list, Permission.WORK),),
    order=10,
    sign="録",
)
