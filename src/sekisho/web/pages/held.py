"""Everything that is held of one line: what, why, on which ground, until when. Each look is in the audit log."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.formats.flow_rows import line_text
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.holding import Counted, Held
from sekisho.reports.held import words
from sekisho.web import filtering
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

HEAD = ("dataset", "stage", "rows", "span", "purpose", "basis", "until", "note")
_RECEIPTS = 50
#: Where a dataset's rows of one line can be seen.
_ROWS = {
    "detections": "/watch/detections?line=", "cases": "/cases?line=", "audit": "/audit?object=",
}  # fmt: skip


def _held(asked: Asked) -> Response:
    """Look, and record the look. A link elsewhere or a prefetch looks at nothing: it only fills in the form."""
    pseudonym = filtering.line(asked.query.get("line", ""))
    headers = asked.request.headers
    own = headers.get("sec-fetch-site", "none") in ("same-origin", "none") and "sec-purpose" not in headers
    if pseudonym is None or asked.who is None or not own:
        return asked.page("held.html", held=None, line="" if pseudonym is None else line_text(pseudonym))
    found = asked.office.console.keeping.held(pseudonym, asked.who.name, asked.who.role.value)
    rows = [words(one, asked.language, asked.zone) for one in found.holdings]
    if "format" in asked.query:
        return asked.export("held", HEAD, [tuple(row[name] for name in HEAD) for row in rows])
    return _shown(asked, found, rows)


def _shown(asked: Asked, found: Held, rows: list[dict[str, str]]) -> Response:
    return asked.page(
        "held.html",
        held=found,
        line=found.line,
        rows=list(zip(found.holdings, rows, strict=True)),
        # This very look is an entry of the audit log.
        anything=any(one.rows for one in found.holdings if one.dataset != "audit"),
        unknown=any(one.counted is Counted.REFUSED for one in found.holdings),
        receipts=found.receipts[::-1][:_RECEIPTS],
        older=max(0, len(found.receipts) - _RECEIPTS),
        leads={name: f"{path}{found.line}" for name, path in _ROWS.items()},
    )


PAGE = Page(
    "held",
    Text(ja="保有状況", en="What is held"),
    (Route("GET", "/held", _held, Permission.WORK),),
)
