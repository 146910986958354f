"""Web pages as they can be compared: title, fields, links and a sketch of the words.

Devices answer 200 to everything, so a page is told from the login page by what stands in it. The sketch
is a bottom-k sample of hashed words (Broder 1997): small enough for the evidence, and two of them give the
Jaccard likeness of two pages without keeping the pages. Words with digits are left out, since clocks,
counters and tokens differ at each fetch.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Sequence

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

SKETCH_WORDS = 64
MOST_TEXT = 1 << 20
MOST_LINKS = 400
LOGIN_FIELDS = 2
_WORD = re.compile(r"\w+")
_SCRIPT_LINK = re.compile(r"""["'](/?[\w\-./]{1,120}\.(?:html?|asp|aspx|php|jsp|shtml))["']""")
_LINKS = (("a", "href"), ("area", "href"), ("frame", "src"), ("iframe", "src"))
_QUIET_INPUTS = frozenset({"hidden", "submit", "button", "image", "reset", "password"})


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a page is compared.

    ``login_form``: a form with one password field and at most two other fields. ``fields`` are the names
    of what a person can fill in (no hidden, button or password inputs). ``links`` are paths on the same
    host, normalised. ``sketch`` holds hashes of words (hex), sorted.
    """

    title: str
    login_form: bool
    fields: tuple[str, ...]
    links: tuple[str, ...]
    sketch: tuple[str, ...]


def read_page(text: str, path: str, host: str = "") -> Page:
    """Read the page that was served at ``path`` (of ``host``); never raises on broken markup."""
    text = text[:MOST_TEXT]
    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    forms = tree.css("form")
    fields = tuple(dict.fromkeys(name for name in _fields(tree.css("input, select, textarea")) if name))
    return Page(
        title=title.text(strip=True)[:200] if title else "",
        login_form=any(_is_login(form) for form in forms) or (not forms and _is_login(tree.root)),
        fields=fields[:200],
        links=_links(tree, text, path, host),
        sketch=_sketch(tree, fields),
    )


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the Jaccard likeness of two sketches, 0 to 1; two empty ones are alike."""
    union = sorted(set(one) | set(other))[:SKETCH_WORDS]
    if not union:
        return 1.0
    both = set(one) & set(other)
    return sum(word in both for word in union) / len(union)


def resolve(link: str, path: str, host: str = "") -> str:
    """Return ``link`` of the page at ``path`` as a path on the same host; empty when it leads elsewhere."""
    link = link.strip().partition("#")[0]
    foreign = re.match(r"(?i)(?:https?:)?//([^/?]*)", link)
    if foreign:
        if not host or foreign[1].lower() not in {host.lower(), f"{host.lower()}:80"}:
            return ""
        link = link[foreign.end() :] or "/"
    elif re.match(r"(?i)[a-z][a-z0-9+.\-]*:", link):
        return ""
    if not link:
        return ""
    bare, mark, query = link.partition("?")
    base = path.partition("?")[0]
    whole = bare if bare.startswith("/") else posixpath.join(posixpath.dirname(base), bare) if bare else base
    clean = posixpath.normpath("/" + whole.lstrip("/"))
    slash = "/" if whole.endswith("/") and clean != "/" else ""
    return f"{clean}{slash}{mark}{query}"[:500]


def _fields(inputs: Iterable[LexborNode]) -> Iterable[str]:
    for one in inputs:
        if (one.attributes.get("type") or "text").lower() not in _QUIET_INPUTS:
            yield (one.attributes.get("name") or one.attributes.get("id") or "")[:80]


def _is_login(form: LexborNode | None) -> bool:
    if form is None:
        return False
    inputs = form.css("input, select, textarea")
    passwords = sum((one.attributes.get("type") or "").lower() == "password" for one in inputs)
    return passwords == 1 and len(list(_fields(inputs))) <= LOGIN_FIELDS


def _links(tree: LexborHTMLParser, text: str, path: str, host: str) -> tuple[str, ...]:
    found = [one.attributes.get(key) or "" for tag, key in _LINKS for one in tree.css(tag)]
    found += [one[1] for one in _SCRIPT_LINK.finditer(text)]
    resolved = (resolve(link, path, host) for link in found)
    return tuple(dict.fromkeys(link for link in resolved if link))[:MOST_LINKS]


def _sketch(tree: LexborHTMLParser, fields: Iterable[str]) -> tuple[str, ...]:
    tree.strip_tags(["style"])
    seen = tree.root.text(separator=" ") if tree.root else ""
    words = {word.lower() for word in _WORD.findall(seen) if not any(sign.isdigit() for sign in word)}
    words.update(f"field {name}" for name in fields)
    hashes = (hashlib.blake2s(word.encode(), digest_size=4).hexdigest() for word in words)
    return tuple(sorted(hashes)[:SKETCH_WORDS])
