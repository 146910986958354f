"""How a page looks in HTML: plain forms, no inline script, usable without any script at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from sekisho.exemplar.access.sessions import Stage
from sekisho.exemplar.web.messages import LANGUAGE, Request, Response, cookie
from sekisho.exemplar.web.texts import say

_TABS = (("/", "home"), ("/settings", "settings"), ("/update", "update"), ("/account", "account"))


@dataclass(frozen=True, slots=True)
class Page:
    """A page being written for one request, in the caller's language."""

    request: Request
    stage: Stage

    @property
    def language(self) -> str:
        """Return `ja` or `en`: what was chosen, else what the browser asks for, else Japanese."""
        chosen = self.request.query.get("lang") or self.request.cookies.get(LANGUAGE)
        if chosen in {"ja", "en"}:
            return chosen
        wished = self.request.headers.get("accept-language", "ja").lower()
        return "en" if wished.startswith("en") else "ja"

    def say(self, name: str, **values: object) -> str:
        """Return one sentence, safe to put into HTML."""
        return escape(say(name, self.language, **values))

    def render(
        self, title: str, content: str, status: HTTPStatus = HTTPStatus.OK, **more: object
    ) -> Response:
        """Wrap the content; `more` are the answer's headers and cookies."""
        other = "en" if self.language == "ja" else "ja"
        tabs = ""
        if self.stage is Stage.OWNER:
            links = (self._tab(path, name) for path, name in _TABS)
            leave = f'<form method="post" action="/logout"><button class="quiet">{self.say("logout")}</button></form>'
            tabs = f"<nav>{''.join(links)}{leave}</nav>"
        text = f"""<!DOCTYPE html>
<html lang="{self.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{self.say(title)} – {self.say("product")}</title>
<link rel="stylesheet" href="/style.css">
<script src="/passkey.js" defer></script>
</head>
<body>
<header><a class="brand" href="/">{self.say("product")}</a><a class="lang" href="?lang={other}">{self.say("language")}</a></header>
{tabs}
<main>
<h1>{self.say(title)}</h1>
{content}
</main>
<footer>{self.say("footer")}</footer>
</body>
</html>
"""
        cookies = (cookie(LANGUAGE, self.language),) if "lang" in self.request.query else ()
        headers = more.get("headers")
        return Response(
            status,
            text.encode(),
            "text/html; charset=utf-8",
            headers if isinstance(headers, dict) else {},
            cookies,
        )

    def _tab(self, path: str, name: str) -> str:
        here = ' aria-current="page"' if path == self.request.path else ""
        return f'<a href="{path}"{here}>{self.say(name)}</a>'

    def field(self, name: str, label: str, kind: str = "text", hint: str = "", **attributes: str) -> str:
        """Write a labelled input."""
        more = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
        below = f'<small id="{name}-hint">{hint}</small>' if hint else ""
        described = f' aria-describedby="{name}-hint"' if hint else ""
        box = f'<input id="{name}" name="{name}" type="{kind}" required{described}{more}>'
        return f'<label for="{name}">{self.say(label)}</label>{box}{below}'

    def choice(self, name: str, options: Iterable[tuple[str, str]], chosen: str) -> str:
        """Write a labelled list of values to choose from; options are (value, shown text)."""
        rows = "".join(
            f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(shown)}</option>'
            for value, shown in options
        )
        return (
            f'<label for="{name}">{self.say(name)}</label><select id="{name}" name="{name}">{rows}</select>'
        )

    def note(self, kind: str, text: str) -> str:
        """Write a message: `good`, `bad` or `plain`; `text` is HTML."""
        role = "alert" if kind == "bad" else "status"
        return f'<p class="note {kind}" role="{role}">{text}</p>'


def form(action: str, content: str, button: str, *, kind: str = "", encoding: str = "") -> str:
    """Write a form that posts to `action`."""
    encoded = f' enctype="{encoding}"' if encoding else ""
    style = f' class="{kind}"' if kind else ""
    return f'<form method="post" action="{action}"{encoded}>{content}<button{style}>{button}</button></form>'


def card(content: str, title: str = "") -> str:
    """Put content on a card."""
    heading = f"<h2>{title}</h2>" if title else ""
    return f'<section class="card">{heading}{content}</section>'
