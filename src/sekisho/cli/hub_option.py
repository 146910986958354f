"""The option that names a hub's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sekisho.cli.speech import t
from sekisho.wiring.login import login


def hub_option(command: Any) -> Any:
    """Add ``--hub``."""
    return click.option(
        "--hub", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("hub-data"),
        envvar="SEKISHO_HUB", show_default=True,
        help=t("ハブのデータを置くフォルダー（環境変数 SEKISHO_HUB）", "folder of the hub (or SEKISHO_HUB)"),
    )(command)  # fmt: skip


def operator() -> str:
    """Return who runs the command, for the record."""
    return login()
