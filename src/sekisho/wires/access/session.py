"""Sessions: what runs recipes over HTTP, signed in or not; and one that can't run anything."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping

from sekisho.errors import PeerFailure
from sekisho.formats.html import Form, Markup, read_markup
from sekisho.formats.recipe import Body, File, encode, extract, fill, quote
from sekisho.model.terminal import Recipe
from sekisho.ports import Reading
from sekisho.wires.access.browser import Browser, Landing
from sekisho.wires.access.look import look

EXCERPT = 300


class NoSession:
    """A session that was never had: every recipe ends in ``failure``."""

    def __init__(self, failure: str = "unsupported") -> None:
        self._failure = failure

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        """Return the failure."""
        del recipe, values
        return Reading(None, failure=self._failure)

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        """Return the failure."""
        del recipe, image, name
        return Reading(None, failure=self._failure)

    async def close(self) -> None:
        """Do nothing."""


class HttpSession:
    """Runs recipes with a browser's cookies and headers. ``token`` fills ``{token}``, ``learnt`` what else is known."""

    def __init__(
        self, browser: Browser, clean: Callable[[str], str], learnt: Mapping[str, str] | None = None
    ) -> None:
        self.browser = browser
        self._clean = clean
        self._learnt = learnt or {}
        self.token = ""

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        """Do ``recipe``; what the peer does wrong is the reading's failure."""
        try:
            return self.read(recipe, await self.request(recipe, values or {}))
        except PeerFailure as failure:
            return Reading(None, failure=failure.reason, excerpt=self._clean(failure.detail)[:EXCERPT])

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        """Send ``image`` where the recipe says ``{file}``."""
        try:
            return self.read(recipe, await self.request(recipe, {}, file=File(name, image)))
        except PeerFailure as failure:
            return Reading(None, failure=failure.reason, excerpt=self._clean(failure.detail)[:EXCERPT])

    async def close(self) -> None:
        """Forget the cookies; the terminal's own time-out ends the session there."""
        self.browser.cookies.clear()

    async def request(
        self,
        recipe: Recipe,
        values: Mapping[str, str],
        *,
        file: File | None = None,
        page: Markup | None = None,
    ) -> Landing:
        """Fetch the recipe's page for its hidden inputs (or take ``page``), then send the recipe."""
        if recipe.command:
            raise PeerFailure("unsupported", "a shell command on a web session")
        values = {**self._learnt, **values, **({"token": self.token} if self.token else {})}
        headers = {name: fill(value, values) for name, value in recipe.headers.items()}
        hidden: Mapping[str, str] = {}
        if page is None and recipe.page:
            landing = await self.browser.go("GET", fill(recipe.page, values, _quoted))
            page = read_markup(landing.reply.text)
            self.browser.referer = landing.path
        if page is not None:
            form = form_for(page, recipe)
            hidden = form.hidden if form is not None else {}
            if page.csrf:
                headers.setdefault("X-CSRF-Token", page.csrf)
        method = recipe.method.upper()
        sends = bool(recipe.fields or hidden or file)
        encoding = "query" if method in {"GET", "HEAD"} and recipe.encoding == "form" else recipe.encoding
        body = encode(encoding, recipe.fields, values, hidden, file) if sends else Body()
        return await self.browser.go(method, fill(recipe.path, values, _quoted), body, headers)

    def read(self, recipe: Recipe, landing: Landing) -> Reading:
        """Read the recipe's value out of the reply."""
        seen, text = look(landing), landing.reply.text
        try:
            value = extract(text, recipe.json, recipe.pattern)
        except (re.error, RecursionError):
            value = None
        return Reading(
            value=value,
            status=seen.status,
            digest=hashlib.sha256(landing.reply.body).hexdigest(),
            title=self._clean(seen.title),
            length=seen.length,
            excerpt=self._clean(seen.words)[:EXCERPT],
            location=seen.location,
        )


def form_for(page: Markup, recipe: Recipe) -> Form | None:
    """Return the form of ``page`` that the recipe fills in: by its action, its field names, or the login."""
    wanted = recipe.path.partition("?")[0].rstrip("/").rpartition("/")[2]
    for form in page.forms:
        action = form.action.partition("?")[0].rstrip("/").rpartition("/")[2]
        if action and action == wanted:
            return form
    names = set(recipe.fields)
    for form in page.forms:
        if names and names & ({*form.texts, *form.passwords, *form.hidden}):
            return form
    return page.login() or (page.forms[0] if len(page.forms) == 1 else None)


def bearer(text: str, found: str | None) -> str:
    """Return the token in a JSON login's reply: the recipe's own value, else a field of a usual name."""
    if found and re.fullmatch(r"[\w.\-+/=~]{8,4096}", found):
        return found
    try:
        document = json.loads(text[:65_536])
    except (ValueError, RecursionError):
        return ""
    for inner in (document, *(document.values() if isinstance(document, dict) else ())):
        if not isinstance(inner, dict):
            continue
        for name, value in inner.items():
            usual = re.fullmatch(r"(?:access|session|auth|id)?_?(?:token|jwt)", str(name), re.IGNORECASE)
            if usual and isinstance(value, str) and re.fullmatch(r"[\w.\-+/=~]{8,4096}", value):
                return value
    return ""


def _quoted(text: str) -> str:
    return quote(text, safe="")
