"""The report as one HTML file: no script, no outside resource, light and dark, for screen and paper.

Everything a terminal said is escaped by the template engine after `content` has spelled out what hides;
a content security policy forbids scripts altogether, so even a mistake here could run nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup, escape

from sekisho.language import Language
from sekisho.ports import Document
from sekisho.reports.content.composition import compose, harmless
from sekisho.reports.content.drawings import SCREEN, icon, strip
from sekisho.reports.content.evidence import Bounds
from sekisho.reports.json import result

BOUNDS = Bounds()
_PARTS = (
    "summary",
    "limits",
    "changes",
    "record",
    "terminal",
    "judgements",
    "figures",
    "attempts",
    "evidence",
    "verify",
)
_JAPANESE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]+")


def _spoken(value: Any) -> Any:
    """Return a text for an English page with its Japanese words marked as Japanese.

    Screen readers change their voice by it, and browsers choose Japanese shapes of the characters.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or not _JAPANESE.search(value):
        return value
    return Markup(_JAPANESE.sub(r'<span lang="ja">\g<0></span>', str(escape(value))))  # noqa: S704 - escaped here


@cache
def _environment(language: Language) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sekisho.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_spoken if language is Language.EN else None,
        trim_blocks=True,
    )


def embedded(plain: dict[str, Any]) -> Markup:
    """Return JSON that can stand in a script element: no character of it can end the element."""
    text = msgspec.json.encode(plain, order="sorted").decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above


class HtmlReport:
    """Writes the page in the document's language."""

    name = "html"
    suffix = ".html"
    by_language = True

    def render(self, document: Document) -> bytes:
        """Return the page as UTF-8."""
        report = compose(document, BOUNDS, SCREEN)
        shown = harmless(report, document)
        environment = _environment(document.language)
        css = environment.loader.get_source(environment, "report.css")[0] if environment.loader else ""
        titles = [(one, shown["words"][one]) for one in _PARTS]
        absent = {
            "changes": not shown["changed_text"],
            "figures": not shown["figures"],
        }
        page = environment.get_template("report.html.jinja").render(
            r=shown,
            w=shown["words"],
            css=Markup(css),  # noqa: S704 - our own file
            parts=[one for one in titles if not absent.get(one[0])],
            icon=lambda mark: Markup(icon(mark, SCREEN)),  # noqa: S704 - our own drawing
            strips={one.id: Markup(strip(one.tallies, SCREEN)) for one in report.sections},  # noqa: S704 - our own drawing
            svgs=[Markup(one["svg"]) for one in shown["figures"]],  # noqa: S704 - texts are escaped in drawings
            json=embedded(result(document)),
        )
        return page.encode()


RENDERER = HtmlReport()
