"""Descriptions of terminals from the browser: written or sent as a file, checked as the command line checks them, then kept."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import DescriptionError, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.terminal import Interface, Terminal
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.wiring.console_descriptions import MOST_OCTETS
from sekisho.workflows.describe import write_terminal

_NONE = Text(ja="その機器記述はない", en="there is no such description")


def _new(asked: Asked) -> Response:
    """Show the form; for one that is there its checked summary, never its text, which may hold codes."""
    name = asked.query.get("name", "")
    if not name:
        sample = write_terminal("", "", [Interface(name="lan", addresses=("192.168.1.1",))], (), ())
        return _form(asked, "", sample)
    kept = asked.office.console.descriptions.kept(name)
    if kept is None:
        return asked.problem(404, _NONE, where=name[:80])
    fault = DescriptionError(Text(ja="誤りがある", en="it is faulty"), kept.fault) if kept.fault else None
    return _form(asked, name, "", replaces=kept.digest, held=kept.terminal, fault=fault, status=200)


def _form(
    asked: Asked, name: str, text: str, *, replaces: str = "", held: Terminal | None = None,
    good: Terminal | None = None, fault: SekishoError | None = None, status: int | None = None,
) -> Response:  # fmt: skip
    return asked.page(
        "description.html", status=status or (400 if fault else 200), name=name, text=text, replaces=replaces,
        held=held, good=good, fault=fault, most=MOST_OCTETS,
    )  # fmt: skip


def _put(asked: Asked) -> Response:
    """Check what was sent; keep it when that is asked for and nothing is wrong with it."""
    desk, form = asked.office.console.descriptions, asked.form
    name, text, replaces = form.get("name", "").strip(), form.get("text", ""), form.get("replaces", "")[:64]
    for _, file, content in asked.files:
        if content:
            text, name = content.decode("utf-8", "replace"), name or file.rpartition("/")[2][:80]
    name = name if name.endswith(".toml") or not name else f"{name}.toml"
    try:
        if form.get("act") != "keep":
            return _form(asked, name, text, replaces=replaces, good=desk.check(text))
        terminal = desk.put(name, text, actor(asked), replaces=replaces)
    except DescriptionError as fault:
        return _form(asked, name, text, replaces=replaces, fault=fault)
    said = f"{terminal.maker} {terminal.model}".strip() or name
    return asked.see_other(
        "/terminals", asked.t(f"{said} の記述を保存した。", f"The description of {said} is kept.")
    )


PAGE = Page(
    "descriptions",
    Text(ja="機器記述", en="Descriptions"),
    (
        Route("GET", "/terminals/new", _new, Permission.WORK),
        Route("POST", "/terminals/new", _put, Permission.WORK, opens=2 * MOST_OCTETS + 8192),
    ),
)
