"""Evidence as pages: from a verdict to the conversation, nothing altered is shown, hostile devices stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from fakes.assessed import assessed
from fakes.console_day import Day, day
from sekisho.model.account import Role


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def real(life: Day) -> dict[str, str]:
    made = assessed(life.folder / "assessments")
    life.console.terminals.catch_up()
    return made


def test_a_verdict_leads_to_the_conversation(life: Day, real: dict[str, str]) -> None:
    shown = life.browser().get("/assess/real").text
    assert "reason why (n=3)" in shown
    leads = re.search(r'href="(/assess/real/probes/web_login)#([^"]+)"', shown)
    assert leads
    steps = life.browser().get(leads[1]).text
    assert f'id="{leads[2]}"' in steps
    assert "&lt;img src=x&gt;" in steps
    assert f'href="/assess/real/evidence/{real["talk"]}"' in steps
    talk = life.browser().get(f"/assess/real/evidence/{real['talk']}").text
    assert "GET / HTTP/1.1" in talk
    assert "&lt;script&gt;alert(1)" in talk
    assert "<script>alert" not in talk
    assert "7 octets beyond the bound" in talk
    assert "c8 c9 ca" in talk
    assert real["talk"] in talk


def test_an_altered_piece_is_never_shown(life: Day) -> None:
    digests = assessed(life.folder / "assessments", "bent")
    life.console.terminals.catch_up()
    target = life.folder / "assessments" / "bent" / "evidence" / digests["talk"]
    target.write_bytes(target.read_bytes().replace(b"GET", b"PUT"))
    answer = life.browser().get(f"/assess/bent/evidence/{digests['talk']}")
    assert answer.status_code >= 400
    assert "PUT / HTTP" not in answer.text
    checked = life.browser().get("/assess/bent/verify").text
    assert "Altered" in checked
    assert digests["talk"] in checked
    assert "Unaltered" in life.browser().get("/assess/real/verify").text
    assert "Altered" in life.browser().get("/assess/real/verify?head=" + "0" * 64).text


def test_reports_are_caged_and_captures_are_for_analysts(life: Day, real: dict[str, str]) -> None:
    report = life.browser().get(f"/assess/real/reports/{real['report']}")
    assert report.content == b"<script>alert(1)</script>"
    assert report.headers["content-security-policy"].startswith("sandbox;")
    assert "script-src" not in report.headers["content-security-policy"]
    saved = life.browser().get(f"/assess/real/reports/{real['report']}?download=1")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert life.browser().get(f"/assess/real/reports/{real['capture']}").status_code == 404
    assert life.browser().get(f"/assess/real/files/{real['capture']}").status_code == 403
    given = life.browser(Role.ANALYST).get(f"/assess/real/files/{real['capture']}")
    assert given.content.endswith(b"secret")
    assert given.headers["content-disposition"].startswith("attachment")
    # A capture holds what the wire held: whoever may only look sees that it is there, not what is in it.
    assert "secret" not in life.browser().get(f"/assess/real/evidence/{real['capture']}").text


@pytest.mark.parametrize(
    "path",
    [
        "none",
        "none/verify",
        "real/probes/none",
        "real/evidence/" + "0" * 64,
        "real/files/" + "0" * 64,
        "..%2f..%2fetc",
        "real/evidence/..%2f..%2fredaction.key",
    ],
)
def test_what_is_not_there(life: Day, real: dict[str, str], path: str) -> None:
    assert life.browser(Role.ADMIN).get(f"/assess/{path}").status_code == 404
