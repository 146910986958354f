"""What a command loads: no engine that it doesn't need, for that is what its user waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
