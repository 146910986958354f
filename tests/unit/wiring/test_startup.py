"""What a command loads: no engine that it doesn't need, for that is what its user waits for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sekisho.cli.hub

ENGINES = (
    "duckdb",
    "pyarrow",
    "sqlalchemy",
    "asyncssh",
    "sekisho.wiring.assessing",
    "sekisho.wiring.holdings",
)


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("sekisho.stores.contacts, sekisho.stores.purpose_gate, sekisho.stores.detection_log", set()),
        ("sekisho.stores.keys, sekisho.stores.ledger, sekisho.wiring.moment", set()),
        ("sekisho.wiring.watch", {"duckdb", "pyarrow"}),
        ("sekisho.wiring.holdings", {"duckdb", "pyarrow", "sekisho.wiring.holdings"}),
    ],
)
def test_only_what_is_needed_is_loaded(modules: str, needed: set[str]) -> None:
    code = f"import sys, {modules}\nprint(*[one for one in {ENGINES!r} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) == needed


def test_a_hub_is_served_without_what_only_a_console_needs() -> None:
    """All that ``sekisho hub serve`` imports, as it stands in its source; it shall run in a small machine's memory."""
    source = ast.parse(Path(sekisho.cli.hub.__file__).read_text("utf-8"))
    (serve,) = [one for one in source.body if isinstance(one, ast.FunctionDef) and one.name == "serve"]
    imports = [ast.unparse(one) for one in ast.walk(serve) if isinstance(one, ast.ImportFrom)]
    assert len(imports) >= 3
    heavy = ("duckdb", "pyarrow", "numpy", "typst", "asyncssh", "sekisho.wiring.console")
    code = "\n".join(
        ["import sys, sekisho.cli.hub", *imports, f"print(*[one for one in {heavy!r} if one in sys.modules])"]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
