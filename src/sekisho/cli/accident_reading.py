"""The moment that a command of accidents judges at, and what it says of a record that can't be judged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, t

if TYPE_CHECKING:
    from sekisho.errors import DescriptionError
    from sekisho.model.accident_record import AccidentRecord


def moment_of(at: str | None) -> datetime:
    """Return the moment that ``--at`` names; now when it isn't given."""
    from sekisho.formats.incident_words import REASONS
    from sekisho.formats.japanese_time import read_moment
    from sekisho.wiring.moment import now, zone

    try:
        return read_moment(at, zone()) if at else now()
    except ValueError as error:
        raise click.UsageError(f"--at {at}: {REASONS[str(error)].say(LANGUAGE)}") from error


def tell_broken(record: AccidentRecord, error: DescriptionError) -> None:
    """Say on the side that a record on file can't be judged; the others are."""
    said = t("判定できない記録", "a record that can't be judged")
    click.secho(f"{said}: {record.id} {record.title}\n{error.explain(LANGUAGE)}", err=True, fg="yellow")
