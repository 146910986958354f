"""What a handler is given: who asks for what, in which language, and the ways to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sekisho.language import Language, Text
from sekisho.model.account import Account, Permission, Session
from sekisho.web.rendering import render

if TYPE_CHECKING:
    from sekisho.web.office import Office

_DONE, _DONE_SECONDS = "done", 60


@dataclass(slots=True)
class Asked:
    """One request, past the doors.

    :ivar office: what the console is married to: data, accounts, pages
    :ivar who: the account, None where no sign-in is needed and none was made
    :ivar permissions: what this request may do (an API token may do less than its account)
    :ivar form: the fields of a form; ``body`` the octets of anything else that was sent
    :ivar files: what a form brought as files: field, the name that its sender gave, octets
    :ivar source: the address that asks, behind trusted proxies the one they tell of
    :ivar now: milliseconds of the epoch
    """

    request: Request
    office: Office
    language: Language
    theme: str
    zone: tzinfo | None
    now: int
    source: str
    who: Account | None = None
    session: Session | None = None
    permissions: frozenset[Permission] = frozenset()
    form: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, str, bytes], ...] = ()
    body: bytes = b""
    cookies: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def query(self) -> dict[str, str]:
        """The URL's parameters; the last one of a name counts."""
        return dict(self.request.query_params)

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return self.request.url.path

    def part(self, name: str) -> str:
        """Return a parameter of the path."""
        return str(self.request.path_params[name])

    def t(self, ja: str, en: str) -> str:
        """Return the sentence in the reader's language."""
        return Text(ja=ja, en=en).say(self.language)

    def may(self, permission: Permission) -> bool:
        """Say whether this request has a permission; what it hasn't is not offered on pages."""
        return permission is Permission.OPEN or permission in self.permissions

    def link(self, **changed: str | int | None) -> str:
        """Return this address with parameters changed (None leaves one out): filters live in the URL."""
        kept = {**self.query, **{name: value for name, value in changed.items() if value is not None}}
        for name, value in changed.items():
            if value is None:
                kept.pop(name, None)
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def page(self, template: str, /, status: int = 200, **context: Any) -> Response:
        """Return a page."""
        menu = [one for one in self.office.menu if self.may(one.routes[0].permission)]
        shown = render(
            template,
            self.language,
            self.zone,
            {
                "asked": self, "who": self.who, "menu": menu, "theme": self.theme, "now": self.now,
                "may": self.may, "zone": self.zone.tzname(None) if self.zone else "", "link": self.link, "Permission": Permission, "notice": self._said(),
                **context,
            },
        )  # fmt: skip
        return HTMLResponse(shown, status)

    def see_other(self, where: str, done: str = "") -> Response:
        """Send the browser on after a change (a reload then repeats nothing); only to ourselves.

        ``done`` is shown once on the next page. It goes in a cookie: what stands in an address anybody can write.
        """
        if done:
            self.cookies.append((_DONE, quote(done[:1000]), _DONE_SECONDS))
        return RedirectResponse(local(where), 303)

    def _said(self) -> str:
        said = unquote(self.request.cookies.get(_DONE, ""))
        if said:
            self.cookies.append((_DONE, "", 0))
        return said

    def problem(self, status: int, what: Text, todo: Text | None = None, where: str = "") -> Response:
        """Return a page that says what went wrong, where, and what to do."""
        if self.path.startswith("/api/"):
            told = {
                "error": what.say(self.language),
                "where": where,
                "todo": todo.say(self.language) if todo else "",
            }
            return Response(msgspec.json.encode(told), status, media_type="application/json")
        return self.page("problem.html", status, what=what, todo=todo, where=where, code=status)

    def export(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
        """Return exactly what is seen as a file, in the format that the URL asks for; filter and time are in it."""
        from sekisho.web.exporting import FORMATS, PLAIN

        suffix = self.query.get("format", PLAIN)
        suffix = suffix if suffix in FORMATS else PLAIN
        filtered = {key: value for key, value in self.query.items() if key not in ("format", "after")}
        octets, media = FORMATS[suffix](head, list(rows), {"at": str(self.now), **filtered})
        answer = Response(octets, media_type=media)
        answer.headers["content-disposition"] = f'attachment; filename="{name}.{suffix}"'
        return answer


def local(where: str) -> str:
    """Return an address within this console; anything else (another host, a scheme, ``//host``) becomes the home."""
    found = urlsplit(where)
    plain = (
        where.startswith("/")
        and not where.startswith(("//", "/\\"))
        and not found.netloc
        and not found.scheme
    )
    return where if plain and all(sign >= " " for sign in where) else "/"
