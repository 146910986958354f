"""Login paths that the pages of an undescribed web service show."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sekisho.formats.digest import read_challenges
from sekisho.formats.html import read_markup
from sekisho.formats.http import Reply
from sekisho.model.terminal import Login, Recipe
from sekisho.ports import Endpoint
from sekisho.wires.access.places import place
from sekisho.wires.access.web import guess

MOST_LOGINS = 12
_API = re.compile(
    r"""["'`](/?(?:[\w.\-]+/){0,6}(?:log[-_]?in|sign[-_]?in|authenticate|auth|session|token)s?(?:\.(?:cgi|php|json|lua|asp))?)["'`]""",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"""["']?\b(user_?name|user|login|account|pass_?word|passwd|pwd|pass)\b["']?\s*:""", re.IGNORECASE
)
_REACH = 400


def discover(endpoint: Endpoint, pages: Iterable[Reply]) -> tuple[Login, ...]:
    """Return logins named after where they are: ``form 192.168.1.1:80 /login.cgi``; each once.

    Pages that ask for Basic or Digest in one realm are one login, named after the first: a realm is one
    protection space with one set of codes (RFC 9110 section 11.5).
    """
    service = place(endpoint, "https" if endpoint.tls else "http")
    found: dict[tuple[str, str], Login] = {}
    for reply in pages:
        path = reply.path or "/"
        for kind, where, space, recipe in _on(reply, path):
            if (kind, space) not in found and len(found) < MOST_LOGINS:
                name = f"{kind} {endpoint.address}:{endpoint.port} {where}"
                found[kind, space] = Login(name, service, kind, sign_in=recipe, guarded=(path,))
    return tuple(found.values())


def _on(reply: Reply, path: str) -> Iterable[tuple[str, str, str, Recipe | None]]:
    """Yield kind, place, what makes two of a kind the same, and the recipe of each login that a page shows."""
    if reply.status == 401:  # noqa: PLR2004 - RFC 9110 §15.5.2
        realms = {one.scheme: one.realm for one in read_challenges(reply.every("www-authenticate"))}
        for kind in ("digest", "basic"):
            if kind in realms:
                yield kind, path, f"realm {realms[kind]}", None
                return
    text = reply.text
    recipe = guess(read_markup(text), path)
    if recipe is not None:
        yield (
            "form",
            recipe.path,
            recipe.path,
            Recipe(recipe.method, recipe.path, path, recipe.encoding, recipe.fields),
        )
    for match in _API.finditer(text[: 1 << 20]):
        where = match[1] if match[1].startswith("/") else "/" + match[1]
        names = _FIELD.findall(text[max(0, match.start() - _REACH) : match.end() + _REACH])
        code = next((one for one in names if one.lower().startswith(("pass", "pwd"))), "")
        user = next((one for one in names if not one.lower().startswith(("pass", "pwd"))), "")
        if code and (recipe is None or recipe.path != where):
            fields = {user: "{user}", code: "{password}"} if user else {code: "{password}"}
            yield "json", where, where, Recipe("POST", where, encoding="json", fields=fields)
