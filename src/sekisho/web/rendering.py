"""Templates in the language of who reads; Japanese words in English pages are marked as such."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup, escape

from sekisho.language import Language, Text

_STATIC = files("sekisho.web") / "static"


@cache
def environment() -> jinja2.Environment:
    """Return the one environment: everything is escaped, and a name that a template lacks is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("sekisho.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.filters["number"] = number
    made.globals["static"] = static
    return made


def number(value: float | None) -> str:
    """Return a number with its thousands set apart; None (not measured) is a dash, never a nought."""
    return "—" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


@cache
def static(name: str) -> str:
    """Return the address of a file of ours; it changes with the content, so browsers may keep it for ever."""
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


def render(template: str, language: Language, zone: tzinfo | None, context: Mapping[str, Any]) -> str:
    """Return a page. In templates ``t(ja, en)`` chooses, ``say`` speaks a `Text`, ``clock`` writes a time with zone."""

    def t(ja: str, en: str, /, **arguments: object) -> str:
        text = Text(ja=ja, en=en)
        if any(isinstance(one, Markup) for one in arguments.values()):
            # Our words are escaped, and so is each argument that isn't markup already.
            return Markup(escape(text.say(language))).format(**arguments)  # noqa: S704 - escaped here
        return text.say(language, **arguments)

    def say(text: Text | str, /, **arguments: object) -> str:
        return text.say(language, **arguments) if isinstance(text, Text) else text

    def clock(milliseconds: int | None, *, seconds: bool = False) -> Markup | str:
        return _clock(milliseconds, zone, seconds=seconds)

    return (
        environment()
        .get_template(template)
        .render(t=t, say=say, clock=clock, lang=language.value, language=language, **context)
    )


def _clock(milliseconds: int | None, zone: tzinfo | None, *, seconds: bool) -> Markup | str:
    if milliseconds is None:
        return "—"
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, zone)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    shown = when.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), when.strftime("%Z (UTC%z)"), shown
    )
