"""The watch as a page: losses are told with their reasons, an old figure as old, and many browsers ask once."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import msgspec
import pytest

from fakes.console import Browser
from fakes.console_day import Day, day
from sekisho.language import Text
from sekisho.model.account import Role
from sekisho.model.pipeline import Fault, StageCount, Step
from sekisho.web.journey import journey
from sekisho.web.live import Shared, parts
from sekisho.web.pages import watch as page
from sekisho.wiring.figures import FILE, Watched, last_figures
from sekisho.workflows.receive import Told
from sekisho.workflows.watch import Figures


def watched(at: int) -> Watched:
    counts = (
        StageCount("192.0.2.1#0", Step.DECODER, "records", 300), StageCount("192.0.2.1#0", Step.DOOR, "watched", 250),
        StageCount("192.0.2.1#0", Step.DOOR, "elsewhere", 50), StageCount("", Step.STORE, "kept", 240),
    )  # fmt: skip
    heard = (
        StageCount("192.0.2.1", Step.RECEIVER, "received", 12), StageCount("192.0.2.1", Step.SPOOL, "spooled", 10),
        StageCount("192.0.2.1", Step.SPOOL, "spool-full", 2), StageCount("udp 0.0.0.0:2055", Step.KERNEL, "drops", 7),
    )  # fmt: skip
    sources: tuple[dict[str, object], ...] = (
        {"exporter": "192.0.2.1#0", "lost": 4, "rejected": {"v5": 3}, "template_misses": 1},
    )
    fault = Fault("store", Text(ja="満杯", en="the disk is full"), "/data", Text(ja="空ける", en="make room"))
    figures = Figures(at, counts, sources, 0, 0, (), faults=(fault,), read_to=9, found=2)
    note = Text(ja="通常の受信に戻した", en="receives as usual")
    told = Told(1, "s", ("udp 127.0.0.1:2055",), 1.0, (note,), heard)
    return Watched(at, 1, figures, told, {"192.0.2.1": 12.5})


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


def test_each_station_tells_its_count_and_why_it_lost() -> None:
    found = journey(watched(1_000))
    told = {
        one.name.en: (one.count, {loss.id: loss.count for loss in one.losses}, one.lost)
        for one in found.stations
    }
    assert told["Received"] == (12, {"kernel drops": 7, "gaps": 4}, 11)
    assert told["Spooled"] == (10, {"spool spool-full": 2}, 2)
    assert told["Decoded"] == (300, {"rejected": 3, "template-misses": 1}, 4)
    # What is of nobody's line is left out on purpose, and is no loss.
    assert told["Privacy door"] == (250, {"elsewhere": 50}, 0)
    assert told["Stored"][0] == 240
    assert (found.waiting, found.unexplained, found.rate) == (1, 0, 12.5)
    row = next(one for one in found.exporters if one.name == "192.0.2.1")
    assert (row.datagrams, row.records, row.watched, row.dropped, row.gaps, row.rejected) == (
        12,
        300,
        250,
        2,
        4,
        4,
    )


def test_without_the_receiver_nobody_counted_and_nought_is_not_said() -> None:
    found = journey(msgspec.structs.replace(watched(1), told=None, rates={}))
    assert [one.count for one in found.stations[:2]] == [None, None]
    assert found.rate is None


def test_figures_faults_and_losses_stand_on_the_page(life: Day) -> None:
    now = life.office.now()
    (life.folder / FILE).write_bytes(msgspec.json.encode(watched(now)))
    shown = life.browser().get("/watch").text
    for words in (
        "Running",
        "the disk is full",
        "make room",
        "Receiver: receives as usual",
        "lost on the way",
        "the spool was full",
        "192.0.2.1",
    ):
        assert words in shown, words
    (life.folder / FILE).write_bytes(msgspec.json.encode(watched(now - 60_000)))
    assert last_figures(life.folder) is not None
    page._SHARED.clear()
    assert "Stopped" in life.browser().get("/watch").text


def test_never_watched_is_not_all_quiet(browser: Browser) -> None:
    reader = browser(Role.ADMIN)
    reader.cookies.set("lang", "en")
    shown = reader.get("/watch").text
    assert "No watch has ever run here" in shown
    assert "No flows are held" in shown


@pytest.mark.parametrize("by", ["remote", "line", "port", "exporter"])
def test_talkers_and_traffic_are_pages_and_files(life: Day, by: str) -> None:
    extent = life.console.flows.extent()
    assert extent is not None
    query = f"since={extent.oldest}&until={extent.newest + 1}&by={by}"
    shown = life.browser().get(f"/watch?{query}")
    assert shown.status_code == 200
    assert 'class="chart wide"' in shown.text
    told = life.browser().get(f"/watch?{query}&table=talkers&format=json").json()["rows"]
    assert 0 < len(told) <= 12
    assert told[0]["name"] in shown.text
    assert [row["octets"] for row in told] == sorted((row["octets"] for row in told), reverse=True)
    series = life.browser().get(f"/watch?{query}&table=series&format=csv")
    assert series.status_code == 200
    assert "at_ms,octets" in series.content.decode("utf-8-sig")


@pytest.mark.parametrize("query", ["since=5&until=3", "since=x", "since=1&until=999999999999999"])
def test_an_interval_that_is_none_is_told(life: Day, query: str) -> None:
    assert life.browser().get(f"/watch?{query}").status_code == 400


def test_many_who_watch_at_once_share_one_question() -> None:
    shared: Shared[str] = Shared(every=0.05)
    got: list[str] = []

    async def one() -> None:
        source = parts(shared, "en", lambda: f"<p>{shared.asked}</p>", longest=0.4)
        got.extend([event async for event in source])

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(one)

    anyio.run(all_of_them)
    told = [event for event in got if event.startswith("event: part\n")]
    assert len(told) >= 200
    # At most once in each twentieth of a second, whoever looks.
    assert 1 <= shared.asked <= 12


def test_a_question_that_fails_is_asked_again() -> None:
    shared: Shared[str] = Shared()
    with pytest.raises(OSError, match="gone"):
        shared.take("en", lambda: (_ for _ in ()).throw(OSError("gone")))
    assert shared.take("en", lambda: "here") == ("here", 1)


def test_the_stream_sends_the_part_of_the_page(life: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sekisho.web.live.LONGEST", 0.2)
    monkeypatch.setattr("sekisho.web.pages.watch.parts", lambda *given: parts(*given, longest=0.2))
    (life.folder / FILE).write_bytes(msgspec.json.encode(watched(life.office.now())))
    answer = life.browser().get("/watch/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: part\ndata: " in answer.text
    assert "Where did my flow go" in answer.text
