"""Text of a manual (plain text, HTML, PDF) and passages in it that hold given words. Bounded and tolerant.

A passage found is a hint for the eyes of a person; that none is found says nothing (a scanned PDF has no text).
"""

from __future__ import annotations

import io
import re
import unicodedata

import msgspec
from selectolax.lexbor import LexborHTMLParser

MOST_BYTES = 32 << 20
MOST_PAGES = 300
MOST_TEXT = 4 << 20
_WINDOW = 400
_SHOWN = 300


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text of one page; ``number`` counts from 1, and is 1 for what has no pages."""

    number: int
    text: str


class Passage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where words stand close together: page number, the words found, the text around them."""

    page: int
    words: tuple[str, ...]
    text: str


def read_pages(content: bytes, name: str = "") -> tuple[Page, ...]:
    """Return the pages of a manual by what its bytes (then its name) say it is; broken ones give none."""
    content = content[:MOST_BYTES]
    if content[:1024].lstrip().startswith(b"%PDF-"):
        return _pdf(content)
    text = _decoded(content)
    head = text[:2048].lower()
    if "<html" in head or "<!doctype html" in head or name.lower().endswith((".html", ".htm")):
        text = _html(text)
    return (Page(1, _plain(text)),)


def find_passage(pages: tuple[Page, ...], groups: tuple[tuple[str, ...], ...]) -> Passage | None:
    """Return the place where words of most ``groups`` (synonyms) stand within some 400 characters.

    None unless at least two groups meet (or one, when only one was given). Width and case don't matter.
    """
    best: tuple[int, Passage] | None = None
    for page in pages:
        folded = page.text.casefold()
        hits = sorted(
            (match.start(), number, word)
            for number, group in enumerate(groups)
            for word in group
            for match in re.finditer(re.escape(_plain(word).casefold()), folded)
        )[:2000]
        for index, (start, _, _) in enumerate(hits):
            near = [hit for hit in hits[index : index + 60] if hit[0] - start <= _WINDOW]
            count = len({number for _, number, _ in near})
            if count >= min(2, len(groups)) and (best is None or count > best[0]):
                begin = max(0, start - 40)
                words = tuple(dict.fromkeys(word for _, _, word in near))
                best = (count, Passage(page.number, words, page.text[begin : begin + _SHOWN].strip()))
    return best[1] if best else None


def _pdf(content: bytes) -> tuple[Page, ...]:
    import pypdf
    from pypdf.errors import PyPdfError

    faults = (PyPdfError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
    pages: list[Page] = []
    length = 0
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        for number, page in enumerate(reader.pages, 1):
            try:
                text = _plain(page.extract_text())
            except faults:
                # One page that can't be read must not hide the others: the aid goes on with the next.
                continue
            pages.append(Page(number, text))
            length += len(text)
            if number >= MOST_PAGES or length >= MOST_TEXT:
                break
    except faults:
        return tuple(pages)
    return tuple(pages)


def _html(text: str) -> str:
    tree = LexborHTMLParser(text[:MOST_TEXT])
    tree.strip_tags(["script", "style"])
    return tree.body.text(separator=" ") if tree.body else ""


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932", "euc_jp"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _plain(text: str) -> str:
    """Fold widths (NFKC) and white space; line ends inside Japanese sentences vanish."""
    folded = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text[:MOST_TEXT]))
    return re.sub(r"(?<=[\u3040-\u30ff\u4e00-\u9fff、。]) (?=[\u3040-\u30ff\u4e00-\u9fff])", "", folded)
