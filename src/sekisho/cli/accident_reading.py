"""The moment that a command of accidents judges at."""

from __future__ import annotations

from datetime import datetime

import click

from sekisho.cli.speech import LANGUAGE


def moment_of(at: str | None) -> datetime:
    """Return the moment that ``--at`` names; now when it isn't given."""
    from sekisho.formats.incident_words import REASONS
    from sekisho.formats.japanese_time import read_moment
    from sekisho.wiring.moment import now, zone

    try:
        return read_moment(at, zone()) if at else now()
    except ValueError as error:
        raise click.UsageError(f"--at {at}: {REASONS[str(error)].say(LANGUAGE)}") from error
