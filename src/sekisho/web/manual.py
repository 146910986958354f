"""The manual, offline: the files of ``docs/`` as pages. In a wheel they lie in ``sekisho/manual``."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

_SHIPPED = Path(str(files("sekisho"))) / "manual"
_WORKING = Path(__file__).parents[3] / "docs"
# A table of Markdown can't be without a head; an empty one tells a screen reader nothing.
_NO_HEAD = re.compile(r"<thead>\s*<tr>(\s*<th[^>]*></th>)+\s*</tr>\s*</thead>")
_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the manual; ``name`` is its path without the suffix."""

    name: str
    title: str


def root() -> Path:
    """Return where the manual lies: in the wheel, or in the working copy."""
    return _SHIPPED if _SHIPPED.is_dir() else _WORKING


@cache
def leaves() -> tuple[Leaf, ...]:
    """Return all pages in the order of their paths; decisions (``adr``) last."""
    here = root()
    found = sorted(here.rglob("*.md"), key=lambda one: ("adr" in one.parts, one.parent != here, str(one)))
    return tuple(Leaf(one.relative_to(here).with_suffix("").as_posix(), _title(one)) for one in found)


def leaf(name: str) -> Markup | None:
    """Return a page as HTML, with its links leading to pages here; None when there is no such page."""
    if all(one.name != name for one in leaves()):
        return None
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = made.parse((root() / f"{name}.md").read_text(encoding="utf-8"))
    for token in (one for outer in tokens for one in (outer, *(outer.children or ()))):
        if token.type == "link_open":
            token.attrSet("href", _within(name, str(token.attrGet("href") or "")))
        elif token.type == "image":
            token.attrSet("src", _within(name, str(token.attrGet("src") or "")))
    # A wide one is scrolled, by the keyboard too.
    shown = _NO_HEAD.sub("", made.renderer.render(tokens, made.options, {})).replace(
        "<table>", '<table tabindex="0">'
    )
    return Markup(shown)  # noqa: S704 - our own files, HTML in them is escaped


def picture(name: str) -> tuple[bytes, str] | None:
    """Return a picture of the manual and its media type; None when it is none of ours."""
    here = root().resolve()
    file = (here / name).resolve()
    media = _PICTURES.get(file.suffix)
    if media is None or not file.is_relative_to(here) or not file.is_file():
        return None
    return file.read_bytes(), media


def _within(name: str, href: str) -> str:
    if "://" in href or href.startswith(("#", "mailto:")):
        return href
    path, _, mark = href.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if target.startswith(".."):
        return "#"  # a file of the working copy outside the manual: not here
    page = target.removesuffix(".md")
    # A folder has no page of its own: its first one stands for it.
    first = next((one.name for one in leaves() if one.name.startswith(f"{page}/")), page)
    return f"/help/{page if (root() / f'{page}.md').is_file() else first}" + (f"#{mark}" if mark else "")


def _title(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return next((line.lstrip("# ").strip() for line in lines if line.startswith("# ")), file.stem)
