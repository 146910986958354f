"""The manual is for those who are signed in: whoever isn't is shown the way in and nothing else."""

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.model.account import Role


@pytest.mark.parametrize("path", ["/help", "/help/README"])
def test_a_stranger_is_led_to_the_sign_in(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert 'href="/help"' not in stranger.get("/sign-in").text


def test_every_role_reads_it(browser: Browser) -> None:
    own = browser(Role.VIEWER)
    assert own.get("/help").status_code == 200
    assert 'href="/help"' in own.get("/help/README").text
