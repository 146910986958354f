"""A console over a real, empty data folder, and browsers with and without a sign-in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser, browsing, first_admin, quick, signed_in
from fakes.pattern import copied
from sekisho.model.account import Role
from sekisho.web.doors import Rate
from sekisho.web.installation import office_of
from sekisho.web.office import Office
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.workflows import sign_in


@pytest.fixture(scope="module", autouse=True)
def _databases() -> Iterator[None]:
    """What it costs to make a database is paid once."""
    with copied():
        yield


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    console = Console(tmp_path / "data", create=True)
    # A test asks quicker than any person.
    yield replace(quick(office_of(console, Listening(port=8443))), rate=Rate(1_000, 10_000))
    console.close()


@pytest.fixture
def stranger(office: Office) -> TestClient:
    return browsing(office)


@pytest.fixture
def admin(office: Office) -> sign_in.SignedIn:
    return first_admin(office)


@pytest.fixture
def browser(office: Office, admin: sign_in.SignedIn) -> Browser:
    """Make a browser that is signed in with a role."""
    return lambda role=Role.ADMIN: browsing(office, signed_in(office, admin, role).token)
