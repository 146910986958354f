"""A new database in these tests is a copy of one."""

from collections.abc import Iterator

import pytest

from fakes.pattern import copied


@pytest.fixture(scope="module", autouse=True)
def _databases() -> Iterator[None]:
    """What it costs to make a database is paid once."""
    with copied():
        yield
