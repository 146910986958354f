"""Polling a TAXII 2.1 collection: paging, signing in, and servers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from fakes.taxii_server import Taxii, taxii
from sekisho.errors import ReadingError
from sekisho.exchange.lists import Limits
from sekisho.exchange.taxii_client import Bounds, Collection, poll, read_poll

QUICK = Bounds(quiet_seconds=0.5, seconds=1.0, page_octets=1_000_000, pages=50)


def indicator(number: int) -> dict[str, Any]:
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "pattern_type": "stix",
        "pattern": f"[ipv4-addr:value = '203.0.113.{number}']",
    }


def added(number: int) -> str:
    return f"2026-01-0{number}T00:00:00.000000Z"


@pytest.fixture
def server() -> Iterator[Taxii]:
    with taxii([(added(number), indicator(number)) for number in range(1, 6)]) as found:
        yield found


def test_all_pages_come(server: Taxii) -> None:
    found = poll(Collection(server.root, "cc"), bounds=QUICK)
    assert (found.complete, found.pages, len(found.objects), found.added_last) == (True, 3, 5, added(5))
    reading = read_poll(found, "feed", Limits(allow=frozenset({"documentation"})))
    assert [one.network for one in reading.indicators] == [f"203.0.113.{number}/32" for number in range(1, 6)]
    assert {one.source for one in reading.indicators} == {"feed"}
    assert server.asked[0]["limit"] == "5000"


def test_only_what_is_new(server: Taxii) -> None:
    found = poll(Collection(server.root, "cc"), added_after=added(3), bounds=QUICK)
    assert [one["id"] for one in found.objects] == ["indicator--4", "indicator--5"]
    assert poll(Collection(server.root, "cc"), added_after=added(5), bounds=QUICK).objects == ()
    # Nothing new keeps the place.
    assert poll(Collection(server.root, "cc"), added_after=added(5), bounds=QUICK).added_last == added(5)


def test_a_server_without_next_is_gone_on_with_by_date(server: Taxii) -> None:
    server.mood = "no-next"
    found = poll(Collection(server.root, "cc"), bounds=QUICK)
    assert (found.complete, len(found.objects)) == (True, 5)
    assert [one.get("added_after") for one in server.asked] == [None, added(2), added(4)]


def test_signing_in(server: Taxii) -> None:
    server.basic("me", "väg")
    assert poll(Collection(server.root, "cc", user="me", password="väg"), bounds=QUICK).complete
    assert poll(Collection(server.root, "cc", user="me", password="x"), bounds=QUICK).reason == "status-401"
    server.auth = "Bearer abc"
    assert poll(Collection(server.root, "cc", token="abc"), bounds=QUICK).complete
    assert poll(Collection(server.root, "cc"), bounds=QUICK).reason == "status-401"


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("busy", "status-503"), ("loop", "loop"), ("html", "unsupported"), ("redirect", "status-302"),
        ("rubbish", "malformed"), ("octets", "malformed"), ("deep", "malformed"), ("large", "too-large"), ("short", "closed"),
        ("silent", "timed-out"), ("drip", "too-slow"), ("drip-headers", "too-slow"),
    ],
)  # fmt: skip
def test_misbehaviour_is_data(server: Taxii, mood: str, reason: str) -> None:
    server.mood = mood
    begin = time.monotonic()
    found = poll(Collection(server.root, "cc"), bounds=QUICK)
    assert time.monotonic() - begin < 3
    assert (found.complete, found.reason) == (False, reason)
    assert found.retry_after == (120 if mood == "busy" else 0)


def test_good_pages_are_kept_when_a_later_one_breaks(server: Taxii) -> None:
    server.mood = "second-page-breaks"
    found = poll(Collection(server.root, "cc"), bounds=QUICK)
    assert (found.complete, found.reason, len(found.objects), found.added_last) == (
        False,
        "malformed",
        2,
        added(2),
    )


@pytest.mark.parametrize("bounds", [Bounds(objects=3), Bounds(octets=400)])
def test_all_pages_together_are_bounded(server: Taxii, bounds: Bounds) -> None:
    found = poll(Collection(server.root, "cc"), bounds=bounds)
    assert (found.complete, found.reason, len(found.objects)) == (False, "budget", 2)
    # What is missing can be had later.
    assert found.added_last == added(2)


def test_a_handshake_octet_by_octet_ends_in_time() -> None:
    def drip(listening: socket.socket) -> None:
        with suppress(OSError):
            one, _ = listening.accept()
            with one:
                for octet in b"\x16\x03\x03\x40\x00" + bytes(100):
                    one.sendall(bytes([octet]))
                    time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        begin = time.monotonic()
        found = poll(Collection(f"https://127.0.0.1:{listening.getsockname()[1]}/", "cc"), bounds=QUICK)
    assert found.reason in {"timed-out", "too-slow"}
    assert time.monotonic() - begin < 3


def test_page_budget(server: Taxii) -> None:
    found = poll(Collection(server.root, "cc"), bounds=Bounds(pages=2))
    assert (found.reason, len(found.objects)) == ("budget", 4)


def test_missing_collection_and_nobody_there(server: Taxii) -> None:
    assert poll(Collection(server.root, "../../x"), bounds=QUICK).reason == "status-404"
    assert poll(Collection("http://127.0.0.1:1/", "cc"), bounds=QUICK).reason == "refused"


@pytest.mark.parametrize("root", ["http://taxii.example/", "http://203.0.113.1/", "http://localhost/", "ftp://127.0.0.1/", "", "https:///x"])  # fmt: skip
def test_only_https_beyond_loopback(root: str) -> None:
    with pytest.raises(ReadingError):
        poll(Collection(root, "cc"))


def test_tls_is_checked(server: Taxii) -> None:
    found = poll(Collection(server.root.replace("http:", "https:"), "cc"), bounds=QUICK)
    assert (found.complete, found.reason) == (False, "tls")
