"""Accidents as files: the list, one accident for the commands, and the table of a period's report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from starlette.responses import Response

from sekisho.errors import DescriptionError
from sekisho.formats.incident_toml import write_toml
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_day
from sekisho.language import Text
from sekisho.model.accident_record import AccidentRecord
from sekisho.model.timeline import in_force
from sekisho.web.asked import Asked
from sekisho.web.office import JAPAN

HEAD = ("accident", "title", "serious", "occurred", "restored", "changed", "changed_by", "revision")
_PAGE = 1_000
_NO_FORM = Text(ja="その形式はない", en="there is no such form")
_NO_PERIOD = Text(
    ja="その日に始まる期間の事故はない", en="no accident on record is of a period that begins that day"
)
_BROKEN = Text(ja="判定できず、表にない事故", en="accidents that can't be judged and aren't in the table")


def listed(asked: Asked, standing: Callable[[Asked, AccidentRecord], str]) -> Response:
    """Return every accident as a row of a file, newest first; times in milliseconds, ``restored`` 0 while it goes on."""
    return asked.export(
        "accidents",
        HEAD,
        [
            (
                one.id, one.title, standing(asked, one), one.occurred, one.ended, one.changed, one.changed_by, one.revision,
            )
            for one in _every(asked)
        ],
    )  # fmt: skip


def _every(asked: Asked) -> Iterator[AccidentRecord]:
    after, desk = "", asked.office.console.accidents
    while page := desk.find(after=after, limit=_PAGE):
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].place


def as_file(record: AccidentRecord) -> Response:
    """Return an accident as TOML for ``sekisho accident``, without what was withdrawn."""
    told = record.told()
    return _attached(
        write_toml(told.about, in_force(told.facts)).encode(), "application/toml", f"{record.id}.toml"
    )


def periodic(asked: Asked) -> Response:
    """Return the table of the periodic report of the period that begins on ``first``, in the form asked for.

    :raises DescriptionError: no such form or period
    """
    from sekisho.wiring.accident_records import judged_accidents
    from sekisho.workflows.draft_accident import FORMATS, draft_periodic, render

    form = asked.query.get("format", "")
    if form not in FORMATS:
        raise DescriptionError(_NO_FORM, f"{form[:20]} ({', '.join(FORMATS)})")
    text = asked.query.get("first", "")
    try:
        first = read_day(text)
    except ValueError as error:
        raise DescriptionError(REASONS[str(error)], f"first={text[:40]}") from error
    broken: list[str] = []
    every = list(judged_accidents(asked.office.console, lambda one, _: broken.append(one.id)))
    chosen = [(about, ruling) for about, ruling in every if ruling.periodic.first == first]
    if not chosen:
        raise DescriptionError(_NO_PERIOD, str(first))
    zone = asked.zone or JAPAN
    draft = draft_periodic(chosen[::-1], asked.language, zone)  # oldest first, as tables of reports are
    if broken:
        remark = f"{_BROKEN.say(asked.language)}: {', '.join(broken)}"
        draft = msgspec.structs.replace(draft, remarks=(*draft.remarks, remark))
    return _attached(render(draft, form, zone), FORMATS[form][1], f"periodic-{first}.{form}")


def _attached(octets: bytes, media: str, name: str) -> Response:
    answer = Response(octets, media_type=media)
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer
