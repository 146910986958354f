"""Detections as pages: the address is the filter, what is seen is what a file holds, what has expired is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from starlette.testclient import TestClient

from fakes.casework import queries
from fakes.console import Browser
from fakes.console_day import SMALL, Day, day
from sekisho.formats.flow_rows import line_text
from sekisho.model.account import Role
from sekisho.model.detection import Grade
from sekisho.ports.detections import DetectionFilter
from sekisho.web.pages import detections as page
from sekisho.web.pages.detections import flags


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


def listed(text: str) -> list[str]:
    return re.findall(r'class="row" href="/watch/detections/([^"]+)"', text)


def test_pages_follow_each_other_and_end(life: Day) -> None:
    seen: list[str] = []
    address = "/watch/detections"
    for _ in range(SMALL.detections // 50 + 2):
        shown = life.browser().get(address)
        assert shown.status_code == 200
        seen += listed(shown.text)
        found = re.search(r'rel="next" href="([^"]+)"', shown.text)
        if not found:
            break
        address = found[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == SMALL.detections


@pytest.mark.parametrize("grade", list(Grade))
def test_a_filter_narrows_list_counts_and_file_alike(life: Day, grade: Grade) -> None:
    expected = life.console.watch.counts(DetectionFilter(grades=(grade,))).total
    assert 0 < expected < SMALL.detections
    shown = life.browser().get(f"/watch/detections?grade={grade.value}")
    assert f"{expected:,} found" in shown.text
    told = life.browser().get(f"/watch/detections?grade={grade.value}&format=json")
    assert "attachment" in told.headers["content-disposition"]
    rows = msgspec.json.decode(told.content)
    assert rows["filter"]["grade"] == grade.value
    assert len(rows["rows"]) == expected
    assert {row["grade"] for row in rows["rows"]} == {grade.value}


def test_lines_remotes_families_times_and_cases_narrow(life: Day) -> None:
    one = life.console.watch.detections(DetectionFilter(grades=(Grade.CONFIRMED,)), limit=1).listed[0]
    for query in (
        f"line={line_text(one.subscriber)}", f"remote={one.remotes[0]}", f"family={one.family or page.NO_FAMILY}",
        f"since={one.begin}&until={one.begin + 1}", f"method={one.method}",
    ):  # fmt: skip
        shown = life.browser().get(f"/watch/detections?{query}&format=json").json()["rows"]
        assert one.id in {row["id"] for row in shown}, query
    assert len(shown) < SMALL.detections
    held = life.console.watch.cases_of(life.console.watch.detections(limit=200).listed)
    detection, case = next(iter(held.items()))
    rows = life.browser().get(f"/watch/detections?case={case}&format=json").json()["rows"]
    assert detection in {row["id"] for row in rows}
    assert f'href="/cases/{case}"' in life.browser().get(f"/watch/detections?case={case}").text


@pytest.mark.parametrize("query", ["grade=sure", "line=zzz", "since=yesterday", "after=nonsense"])
def test_what_no_filter_can_be_is_refused_in_words(life: Day, query: str) -> None:
    assert life.browser().get(f"/watch/detections?{query}").status_code == 400


def test_nothing_found_is_not_shown_as_health(life: Day, browser: Browser) -> None:
    assert "proves nobody&#39;s health" in life.browser().get("/watch/detections?family=nothing").text
    reader = browser(Role.ADMIN)
    reader.cookies.set("lang", "en")
    empty = reader.get("/watch/detections").text
    assert "Nothing has been found yet" in empty
    assert "proves nobody&#39;s health" in empty


def test_hours_that_nobody_looked_at_are_hatched(life: Day) -> None:
    now = life.office.now()
    shown = life.browser().get(f"/watch/detections?since={now - 40 * 3_600_000}").text
    assert 'class="chart wide"' in shown
    looked = life.console.watch.looked(("known_cc",), page.Window(now - 40 * 3_600_000, now))
    assert looked
    # The day to come was looked at by nobody.
    ahead = (
        life.browser()
        .get(f"/watch/detections?since={now - 3_600_000 * 20}&until={now + 3_600_000 * 20}")
        .text
    )
    assert 'class="unlooked"' in ahead


def test_one_detection_shows_its_sentence_sample_rows_line_and_case(life: Day) -> None:
    found = life.console.watch.detections(limit=200).listed
    held = life.console.watch.cases_of(found)
    one = next(one for one in found if one.id in held)
    shown = life.browser().get(f"/watch/detections/{one.id}").text
    assert page.said(one, life.console.watch.methods(), page.Language.EN)[:40] in shown.replace("&#39;", "'")
    assert f'href="/cases/{held[one.id]}"' in shown
    assert line_text(one.subscriber) in shown
    evidence = life.console.watch.detection(one.id)
    assert evidence is not None
    assert evidence.evidence
    rows = life.browser().get(f"/watch/detections/{one.id}?format=json").json()["rows"]
    assert len(rows) == len(evidence.evidence)


def test_rows_that_are_gone_are_told_as_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with day(tmp_path_factory.mktemp("gone") / "data") as made:
        one = made.console.watch.detections(limit=1).listed[0]
        log = made.folder / "detections.jsonl"
        kept = [line for line in log.read_bytes().splitlines(keepends=True) if one.id.encode() not in line]
        log.write_bytes(b"".join(kept))
        answer = made.browser().get(f"/watch/detections/{one.id}")
        assert answer.status_code == 200
        assert "past their time and are gone" in answer.text


def test_an_unknown_detection_and_a_stranger(life: Day, stranger: TestClient) -> None:
    assert life.browser().get("/watch/detections/none").status_code == 404
    assert stranger.get("/watch/detections").status_code == 303


def test_flags_by_their_letters() -> None:
    assert (flags(0x12), flags(0), flags(None)) == ("S·A", "0", "—")


@pytest.mark.parametrize(
    ("path", "most"), [("/watch/detections", 14), ("/watch/detections/{id}", 12), ("/watch", 4)]
)
def test_a_page_asks_the_database_few_questions(life: Day, path: str, most: int) -> None:
    path = path.format(id=life.console.watch.detections(limit=1).listed[0].id)
    life.browser().get(path)
    with queries(life.office) as asked:
        assert life.browser().get(path).status_code == 200
    assert len(asked) <= most, asked
