"""The manual is for those who are signed in: whoever isn't is shown the way in and nothing else."""

import re
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from fakes.console import Browser
from sekisho.model.account import Role
from sekisho.web import manual


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


def test_every_link_of_the_manual_leads_somewhere() -> None:
    names = {one.name for one in manual.leaves()}
    for one in names:
        for link in re.findall(r'(?:href|src)="/help/([^"#]+)', str(manual.leaf(one))):
            assert unquote(link) in names or manual.picture(unquote(link)), f"{one}: {link}"
