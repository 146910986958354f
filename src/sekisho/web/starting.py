"""The form that starts an assessment: its fields, what they mean, and what a faulty one is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.wiring.console_runs import Wanted
from sekisho.workflows.authorise import MOST_DAYS, RISK_WORDS

T = TypeVar("T", int, float)
#: What each risk lets a test do, in the order in which they disturb.
RISKS = {name: text for name, text in RISK_WORDS.items() if name != "read"}
_TEXTS = ("described", "address", "allowed_by", "role", "organisation", "place", "number", "method")
_LISTS = ("addresses", "macs", "host_keys")
_LONGEST, _MOST_LINES = 300, 64


def wanted_of(form: Mapping[str, str]) -> Wanted:
    """Return what a form asks for. :raises DescriptionError: a number that is none, or too much of something."""
    texts: dict[str, Any] = {name: form.get(name, "").strip()[:_LONGEST] for name in _TEXTS}
    lists: dict[str, Any] = {name: _lines(form.get(name, "")) for name in _LISTS}
    return Wanted(
        **texts,
        **lists,
        digest=form.get("digest", "")[:64],
        catalogues=_ticked(form, "catalogue"),
        only=_ticked(form, "only"),
        risks=_ticked(form, "risk"),
        days=_number(form, "days", int, 1, MOST_DAYS) or 30,
        public=form.get("public") == "1",
        agreed=form.get("agreed") == "1",
        ask=form.get("ask") == "1",
        rate=_number(form, "rate", float, 1, 1e6),
        requests=_number(form, "requests", float, 0.1, 1e4),
        wrong=_number(form, "wrong", int, 1, 1000),
        quiet=_number(form, "quiet", float, 0.1, 600),
    )


def shown_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields to carry from the form over the plan to the start: all but what is agreed to there."""
    plain = {*_TEXTS, *_LISTS, "days", "public", "ask", "rate", "requests", "wrong", "quiet"}
    ticked = ("catalogue.", "only.", "risk.")
    return {name: value for name, value in form.items() if name in plain or name.startswith(ticked)}


def _ticked(form: Mapping[str, str], kind: str) -> tuple[str, ...]:
    prefix = f"{kind}."
    return tuple(
        name.removeprefix(prefix) for name, value in form.items() if name.startswith(prefix) and value
    )


def _lines(text: str) -> tuple[str, ...]:
    found = text.replace(",", " ").split()
    if len(found) > _MOST_LINES:
        raise DescriptionError(Text(ja="多すぎる", en="too many"), f"> {_MOST_LINES}")
    return tuple(one[:_LONGEST] for one in found)


def _number(form: Mapping[str, str], name: str, kind: Callable[[str], T], least: float, most: float) -> T:
    text = form.get(name, "").strip() or "0"
    try:
        value = kind(text)
    except ValueError as error:
        raise DescriptionError(Text(ja="数ではない", en="not a number"), f"{name}: {text[:40]}") from error
    if value and not least <= value <= most:
        raise DescriptionError(
            Text(ja="範囲の外の数", en="a number out of its range"),
            f"{name}: {text[:40]} ({least:g}–{most:g})",
        )
    return value
