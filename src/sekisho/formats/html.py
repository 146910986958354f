"""HTML of a login page: forms with hidden and password inputs, title, refresh, links. Tolerant and bounded."""

from __future__ import annotations

import re

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_TEXT = 1 << 20
MOST_FORMS = 40
MOST_INPUTS = 200
MOST_LINKS = 400
MOST_VALUE = 8192
_REFRESH = re.compile(r"""^\s*(\d{1,4})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?["']?([^"'\s]+)""", re.IGNORECASE)
_SCRIPT_GOES = re.compile(
    r"""(?:window|document|top|parent|self)?\.?location(?:\.href)?\s*=\s*["']([^"']{1,300})["']"""
    r"""|location\.(?:replace|assign)\(\s*["']([^"']{1,300})["']"""
)
_QUICK_REFRESH = 5


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One form: where it goes and what it asks. ``hidden`` also holds preset radio and select values."""

    action: str
    method: str
    encoding: str
    hidden: dict[str, str]
    texts: tuple[str, ...]
    passwords: tuple[str, ...]


class Markup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a login needs of a page. ``refresh`` is a prompt meta refresh's target, ``goes`` a script's.

    ``passwords`` counts password inputs, in forms or outside. ``words`` is the visible text.
    """

    title: str
    forms: tuple[Form, ...]
    links: tuple[str, ...]
    passwords: int
    refresh: str
    goes: str
    csrf: str
    words: str

    def login(self) -> Form | None:
        """Return the form with exactly one password input, or the first that has any."""
        asking = [form for form in self.forms if form.passwords]
        return next((form for form in asking if len(form.passwords) == 1), asking[0] if asking else None)

    def asks_new_code(self) -> bool:
        """Tell whether one form has two or more password inputs: new and repeat."""
        return any(len(form.passwords) > 1 for form in self.forms) or (not self.forms and self.passwords > 1)


def read_markup(text: str) -> Markup:
    """Read ``text`` as HTML; anything at all gives a Markup, broken markup included."""
    text = text[:MOST_TEXT]
    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    goes = _SCRIPT_GOES.search(text)
    forms = tuple(_form(one) for one in tree.css("form")[:MOST_FORMS])
    links = tuple(
        dict.fromkeys((one.attributes.get("href") or "")[:500] for one in tree.css("a[href]")[:MOST_LINKS])
    )
    passwords = sum(_kind(one) == "password" for one in tree.css("input")[: MOST_INPUTS * 4])
    csrf = _meta(tree, "csrf-token") or _meta(tree, "_csrf") or _meta(tree, "csrf_token")
    refresh = _refresh(tree)
    shown = title.text(strip=True)[:200] if title else ""
    return Markup(
        shown, forms, links, passwords, refresh, (goes[1] or goes[2]) if goes else "", csrf, _words(tree)
    )


def _form(form: LexborNode) -> Form:
    hidden: dict[str, str] = {}
    texts: list[str] = []
    passwords: list[str] = []
    for one in form.css("input, textarea")[:MOST_INPUTS]:
        name, kind = (one.attributes.get("name") or "")[:200], _kind(one)
        value = (one.attributes.get("value") or "")[:MOST_VALUE]
        if kind == "password":
            passwords.append(name)
        elif not name:
            continue
        elif kind == "hidden" or (kind in {"radio", "checkbox"} and "checked" in one.attributes):
            hidden[name] = value
        elif kind in {"text", "email", "tel", "number", ""}:
            texts.append(name)
    for choice in form.css("select")[:MOST_INPUTS]:
        chosen = choice.css_first("option[selected]") or choice.css_first("option")
        name = choice.attributes.get("name") or ""
        if name and chosen is not None:
            hidden.setdefault(
                name[:200], (chosen.attributes.get("value") or chosen.text(strip=True))[:MOST_VALUE]
            )
    given = form.attributes
    return Form(
        action=(given.get("action") or "").strip()[:500],
        method=(given.get("method") or "GET").strip().upper()[:10],
        encoding="multipart" if "multipart" in (given.get("enctype") or "").lower() else "form",
        hidden=hidden,
        texts=tuple(texts),
        passwords=tuple(passwords),
    )


def _kind(field: LexborNode) -> str:
    return (field.attributes.get("type") or "text").strip().lower()


def _meta(tree: LexborHTMLParser, name: str) -> str:
    found = tree.css_first(f'meta[name="{name}"]')
    return (found.attributes.get("content") or "")[:MOST_VALUE] if found is not None else ""


def _refresh(tree: LexborHTMLParser) -> str:
    for one in tree.css("meta[http-equiv]")[:20]:
        if (one.attributes.get("http-equiv") or "").lower() == "refresh":
            match = _REFRESH.match(one.attributes.get("content") or "")
            if match and int(match[1]) <= _QUICK_REFRESH:
                return match[2][:500]
    return ""


def _words(tree: LexborHTMLParser) -> str:
    tree.strip_tags(["style", "script", "noscript", "template"])
    root = tree.body or tree.root
    return " ".join(root.text(separator=" ").split())[:60_000] if root is not None else ""
