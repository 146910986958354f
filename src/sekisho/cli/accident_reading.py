"""The moment that a command of accidents judges at, and what it says of a record that can't be judged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from sekisho.cli.speech import LANGUAGE, t

if TYPE_CHECKING:
    from sekisho.errors import DescriptionError
    from sekisho.model.accident_record import AccidentRecord
    from sekisho.model.timeline import About


def moment_of(at: str | None) -> datetime:
    """Return the moment that ``--at`` names; now when it isn't given."""
    from sekisho.formats.incident_words import REASONS
    from sekisho.formats.japanese_time import read_moment
    from sekisho.wiring.moment import now, zone

    try:
        return read_moment(at, zone()) if at else now()
    except ValueError as error:
        raise click.UsageError(f"--at {at}: {REASONS[str(error)].say(LANGUAGE)}") from error


def nothing_else(function: Any) -> Any:
    """Add the word of a person that answers what no fact does."""
    return click.option(
        "--nothing-else",
        "denied",
        is_flag=True,
        help=t(
            "漏えい、業務の一部停止、おそれがある事態はない（人が確かめた。書かれていれば、それによる）",
            "there is no leak, no stop of the business and no threat: a person has made sure (what the files say goes first)",
        ),
    )(function)


def answered(about: About, *, denied: bool) -> About:
    """Return what is said of the whole, with "no" for what nobody answered when a person has denied it."""
    from sekisho.model.incident import Threat

    if not denied:
        return about
    threat = about.threat or Threat()
    return msgspec.structs.replace(
        about,
        leaks=() if about.leaks is None else about.leaks,
        stopped_business=bool(about.stopped_business),
        threat=msgspec.structs.replace(threat, events=()) if threat.events is None else threat,
    )


def tell_broken(record: AccidentRecord, error: DescriptionError) -> None:
    """Say on the side that a record on file can't be judged; the others are."""
    said = t("判定できない記録", "a record that can't be judged")
    click.secho(f"{said}: {record.id} {record.title}\n{error.explain(LANGUAGE)}", err=True, fg="yellow")
