"""Assessments as pages: verdicts down to conversations, nothing altered is shown, hostile devices stay text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fakes.casework import queries
from fakes.console_day import Day, day
from sekisho.model.account import Role
from sekisho.model.assessment import Assessment, TestRecord
from sekisho.model.evidence import Chunk, Pointer, Record, Transcript
from sekisho.model.registry import State
from sekisho.model.terminal import Applicability, Equivalent, Terminal, Unit
from sekisho.model.verdict import Detail, Finding, Judged, Verdict
from sekisho.ports.registry import AssessmentFilter
from sekisho.stores.evidence_folder import EvidenceFolder

AT = "2026-11-21T01:02:03+00:00"
HOSTILE = b"HTTP/1.1 200 OK\r\n\r\n<script>alert(1)</script>\x1b[2J"


def assessed(root: Path, name: str = "real") -> dict[str, str]:
    """Make one assessment by hand; return the digests of what is in it."""
    store = EvidenceFolder(root / name, lambda: AT, create=True)
    store.append(
        "opened", {"id": name, "record": {}, "person": "佐藤", "place": "lab", "target": "x", "tool": "t"}
    )
    store.append("authorisation", {"allowed_by": "the owner <b>", "addresses": ["192.0.2.0/24"]})
    claim = Applicability(equivalent=Equivalent("CC", "cert-1"))
    terminal = Terminal(
        maker="A/B Works", model="R<1>", software="1.0", units=(Unit("a", "SN1"),), applicability=claim
    )
    store.append(
        "terminal",
        {"sha256": store.keep(msgspec.json.encode(terminal), kind="terminal", name="terminal.json")},
    )
    talk = Transcript(
        AT, "tcp", "127.0.0.1:4", "127.0.0.1:80", chunks=(Chunk(0.0, ">", b"GET / HTTP/1.1\r\n\r\n"), Chunk(0.1, "<", HOSTILE), Chunk(0.2, "<", bytes(range(200, 256)))),
        dropped=7, ended="closed",
    )  # fmt: skip
    digest = store.keep(msgspec.msgpack.encode(talk), kind="transcript", name="127.0.0.1:80")
    record = Record(
        "web/step one", AT, AT, 0.5, {"title": "<img src=x>", "ports": [80, 443]}, None, (digest,)
    )
    store.append("step", {"probe": "web_login", "record": msgspec.to_builtins(record)})
    store.append("probe", {"probe": "web_login", "version": "1", "attempt": {"status": "done"}})
    finding = Finding(
        "no-such-criterion", Verdict.FAIL, "why", {"n": 3}, (Pointer("web_login", "web/step one", digest),),
        details=(Detail("port 80", Verdict.FAIL, "why", {}, (Pointer("web_login", "web/step one", digest),)),),
    )  # fmt: skip
    made = Assessment(
        id=name, began=AT, ended=AT, tool="t", record=TestRecord(), attempts={}, facts=(),
        judged=(Judged("jp-2020", "JP20-1", Verdict.FAIL, (finding,)),), catalogues=("jp-2020",),
    )  # fmt: skip
    store.append(
        "judged",
        {"assessment": store.keep(msgspec.json.encode(made), kind="assessment"), "catalogues": ["jp-2020"]},
    )
    (root / name / "reports" / "0001").mkdir(parents=True)
    (root / name / "reports" / "0001" / "report.en.html").write_bytes(b"<script>alert(1)</script>")
    report = store.enlist("reports/0001/report.en.html", "report")
    (root / name / "capture").mkdir(exist_ok=True)
    (root / name / "capture" / "c.pcap").write_bytes(b"\xd4\xc3\xb2\xa1secret")
    capture = store.enlist("capture/c.pcap", "capture")
    store.close()
    return {"talk": digest, "report": str(report.body["sha256"]), "capture": str(capture.body["sha256"])}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def real(life: Day) -> dict[str, str]:
    made = assessed(life.folder / "assessments")
    life.console.terminals.catch_up()
    return made


def test_the_list_and_its_filters(life: Day, real: dict[str, str]) -> None:
    every = life.browser().get("/assess?format=json").json()["rows"]
    assert len(every) == 25
    shown = life.browser().get("/assess")
    assert shown.status_code == 200
    assert 'class="matrix' in shown.text
    for state in State:
        rows = life.browser().get(f"/assess?state={state.value}&format=json").json()["rows"]
        expected = life.console.terminals.assessments(
            AssessmentFilter(states=(state,)), limit=100
        ).assessments
        assert {row["id"] for row in rows} == {one.id for one in expected}
    assert [row["id"] for row in life.browser().get("/assess?text=R%3C1%3E&format=json").json()["rows"]] == [
        "real"
    ]
    assert "No assessment fits" in life.browser().get("/assess?text=nothing+here").text
    assert life.browser().get("/assess?state=fine").status_code == 400
    assert life.browser().get("/assess?verdict=GOOD").status_code == 400


def test_the_matrix_never_shows_absence_as_a_pass(life: Day, real: dict[str, str]) -> None:
    shown = life.browser().get("/assess/matrix?catalogue=jp-2020").text
    row = shown[shown.index("R&lt;1&gt;") :]
    row = row[: row.index("</tr>")]
    # One duty was judged, and failed; the others were not.
    assert row.count("Not run") >= 3
    assert "Pass" not in row
    told = life.browser().get("/assess/matrix?catalogue=jp-2020&format=json").json()["rows"]
    assert next(one for one in told if one["terminal"] == "A/B Works R<1>")["JP20-1"] == "FAIL"


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


def test_every_state_of_an_assessment_is_a_page(life: Day) -> None:
    states = set()
    for one in life.console.terminals.assessments(limit=100).assessments:
        answer = life.browser().get(f"/assess/{one.id}")
        assert answer.status_code == 200, one.id
        states.add(one.state)
        if one.state is State.DAMAGED:
            assert "don&#39;t trust the verdicts" in answer.text
        if one.state is State.STOPPED:
            assert "Not judged yet" in answer.text
    assert {State.COMPLETE, State.STOPPED, State.DAMAGED} <= states


def test_terminals_and_one_of_them(life: Day, real: dict[str, str]) -> None:
    every = life.browser().get("/terminals?format=json").json()["rows"]
    assert "A/B Works R<1>" in {row["terminal"] for row in every}
    shown = life.browser().get("/terminals").text
    assert 'href="/terminals/A/B%20Works%20R%3C1%3E"' in shown
    one = life.browser().get("/terminals/A/B%20Works%20R%3C1%3E").text
    assert "cert-1" in one
    assert "a person weighs it" in one
    assert 'href="/assess/real"' in one
    assert life.browser().get("/terminals/none").status_code == 404
    failed = life.browser().get("/terminals?verdict=FAIL&format=json").json()["rows"]
    assert failed
    assert all("FAIL" in row["verdicts"] for row in failed)


def test_a_terminal_that_was_never_assessed_has_not_passed(life: Day) -> None:
    (life.folder / "terminals" / "new.toml").write_text('maker = "New"\nmodel = "N-1"\n', encoding="utf-8")
    (life.folder / "terminals" / "broken.toml").write_text("maker = ", encoding="utf-8")
    life.console.terminals.catch_up()
    shown = life.browser().get("/terminals/New%20N-1").text
    assert "Not assessed yet" in shown
    assert "broken.toml" in life.browser().get("/terminals").text


@pytest.mark.parametrize(
    ("path", "most"),
    [("/assess", 10), ("/assess/matrix?catalogue=jp-2020", 8), ("/assess/real", 4), ("/terminals", 5)],
)
def test_a_page_asks_the_database_few_questions(
    life: Day, real: dict[str, str], path: str, most: int
) -> None:
    life.browser().get(path)
    with queries(life.office) as asked:
        assert life.browser().get(path).status_code == 200
    assert len(asked) <= most, asked
