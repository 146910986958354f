"""Data folders with casework in them."""

from pathlib import Path

import pytest

from fakes import casework


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> casework.Made:
    """A folder with some cases and a notice, to be copied."""
    return casework.Made(Path(tmp_path_factory.mktemp("casework")) / "data")
