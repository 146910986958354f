"""Fetching a MISP feed from a server and from a folder: whole or not at all, and never further than it may go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.feed_server import FeedServer, event, feed, serving
from sekisho.errors import PeerFailure, ReadingError
from sekisho.exchange.bounded_http import HttpBounds
from sekisho.exchange.lists import Limits
from sekisho.exchange.misp_client import Feed, FeedBounds, fetch_feed, folder_feed

LIMITS = Limits(allow=frozenset({"documentation"}))
QUICK = FeedBounds(HttpBounds(quiet_seconds=0.5, seconds=1.0, page_octets=10_000, octets=20_000), events=5)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with serving(feed(event(1, "203.0.113.1"), event(2, "203.0.113.2"))) as found:
        yield found


def networks(address: str, **more: str) -> list[str]:
    return [one.network for one in fetch_feed(Feed(address, **more), "f", LIMITS, QUICK).indicators]


@pytest.mark.parametrize("end", ["", "/", "/manifest.json"])
def test_every_event_comes(server: FeedServer, end: str) -> None:
    assert networks(server.address + end) == ["203.0.113.1/32", "203.0.113.2/32"]
    assert server.asked[0] == ("/feed/manifest.json", "")


def test_an_event_that_is_not_there_is_counted(server: FeedServer) -> None:
    server.files.pop(next(name for name in server.files if name != "manifest.json"))
    found = fetch_feed(Feed(server.address), "f", LIMITS, QUICK)
    assert (len(found.indicators), found.reasons) == (1, {"missing-event": 1})


def test_signing_in_goes_nowhere_else(server: FeedServer) -> None:
    server.authorisation = "abc"
    assert len(networks(server.address, authorisation="abc")) == 2
    server.mood = "redirect"
    with pytest.raises(PeerFailure) as caught:
        networks(server.address, authorisation="abc")
    assert caught.value.reason == "status-302"


def test_what_is_not_whole_is_a_failure(server: FeedServer) -> None:
    for spoil, reason in (
        ("drip", "too-slow"),
        ("large", "too-large"),
        ("many", "budget"),
        ("gone", "status-404"),
    ):
        server.mood = "drip" if spoil == "drip" else ""
        server.files = feed(
            *(event(number, "203.0.113.9") for number in range(1, 8 if spoil == "many" else 3))
        )
        if spoil == "large":
            server.files["manifest.json"] = b" " * 10_001
        if spoil == "gone":
            server.files.clear()
        with pytest.raises(PeerFailure) as caught:
            networks(server.address)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1/feed", "ftp://127.0.0.1/", "https://", "http://127.0.0.1:x/"]
)
def test_only_https_is_spoken(address: str) -> None:
    with pytest.raises(ReadingError):
        networks(address)


def test_a_folder(tmp_path: Path) -> None:
    for name, octets in feed(event(1, "203.0.113.1"), event(2, "203.0.113.2")).items():
        (tmp_path / name).write_bytes(octets)
    assert len(folder_feed(tmp_path, "f", LIMITS, QUICK).indicators) == 2
    (tmp_path / "manifest.json").write_text(json.dumps({"../outside": {}}))
    assert folder_feed(tmp_path, "f", LIMITS, QUICK).reasons == {"bad-uuid": 1}
    (tmp_path / "manifest.json").write_bytes(b" " * 10_001)
    with pytest.raises(PeerFailure):
        folder_feed(tmp_path, "f", LIMITS, QUICK)
    with pytest.raises(PeerFailure):
        folder_feed(tmp_path / "nowhere", "f", LIMITS, QUICK)
