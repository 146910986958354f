"""Own prefixes in MRT files: lost by all peers, back again, a foreign origin; what isn't known is never "fine"."""

from __future__ import annotations

import bz2
import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes import mrt_file
from fakes.mrt_file import session, table, told, update
from sekisho.errors import DescriptionError
from sekisho.formats.bgp import AS_TRANS, read_update
from sekisho.formats.incident_words import REASONS
from sekisho.formats.mrt import LARGEST, read_mrt
from sekisho.formats.route_files import OwnRoutes, read_routes
from sekisho.model.timeline import What
from sekisho.workflows.import_alarms import import_alarms

A, B, C = (64_501, "198.51.100.1"), (64_502, "198.51.100.2"), (64_503, "2001:db8::3")
OWN = OwnRoutes(("192.0.2.0/24", "2001:db8:5::/48"), (64_500,))
GOOD = ((2, (64_501, 64_500)),)
BAD = ((2, (64_501, 64_666)),)
T0 = 1_795_000_000
NET, NET6 = "192.0.2.0/24", "2001:db8:5::/48"


def events(octets: bytes, own: OwnRoutes = OWN) -> list[tuple[str, str, int, int | None]]:
    alarms, left = read_routes(io.BytesIO(octets), own)
    assert [one.reason for one in left] == []
    return [
        (
            one.fields["event"],
            one.fields["prefix"],
            int(one.begin.timestamp()) - T0,
            int(one.end.timestamp()) - T0 if one.end else None,
        )
        for one in alarms
        if one.begin
    ]


def test_a_route_is_lost_when_every_peer_has_lost_it_and_is_back_with_the_first() -> None:
    file = b"".join([
        *(told(T0, one, update([NET, NET6], path=GOOD)) for one in (A, B, C)),
        told(T0 + 10, A, update(withdrawn=[NET, NET6])), told(T0 + 11, B, update(withdrawn=[NET])),
        told(T0 + 12, C, update(withdrawn=[NET])),
        told(T0 + 70, B, update([NET], path=((2, (64_502, 64_500)),))), told(T0 + 71, A, update([NET], path=GOOD)),
    ])  # fmt: skip
    assert events(file) == [("route-lost", NET, 12, 70)]
    assert events(file + told(T0 + 90, B, update(withdrawn=[NET6])) + told(T0 + 91, C, update(withdrawn=[NET6]))) == [
        ("route-lost", NET, 12, 70), ("route-lost", NET6, 91, None),
    ]  # fmt: skip


def test_what_a_peer_has_is_not_known_before_it_says_so() -> None:
    silent = told(T0, C, update(["203.0.113.0/24"])) + told(T0, B, update(["2001:db8:9::/48"]))
    file = told(T0, A, update([NET], path=GOOD)) + silent + told(T0 + 5, A, update(withdrawn=[NET]))
    assert events(file) == [("route-partly-lost", NET, 5, None)]
    # A table beforehand tells it; a withdrawal of what was never seen shows that it was there.
    before = table(T0 - 60, [A, C], [(NET, 0, GOOD), (NET, 1, GOOD)])
    assert events(before + told(T0 + 5, A, update(withdrawn=[NET]))) == []
    gone = told(T0 + 5, A, update(withdrawn=[NET])) + told(T0 + 6, C, update(withdrawn=[NET]))
    assert events(before + gone) == [("route-lost", NET, 6, None)]
    assert events(gone) == [("route-partly-lost", NET, 5, None), ("route-lost", NET, 6, None)]


def test_a_session_that_drops_is_a_loss_of_sight_and_no_loss_of_a_route() -> None:
    up = told(T0, A, update([NET], path=GOOD)) + told(T0, B, update([NET], path=GOOD))
    assert events(up + session(T0 + 5, A, 6, 1) + session(T0 + 6, B, 6, 1)) == [("no-view", "", 6, None)]
    # One that comes again tells its whole table: what isn't in it is not there.
    again = session(T0 + 20, A, 5, 6) + told(T0 + 20, A, mrt_file.END6) + told(T0 + 21, A, update())
    withdrawn = told(T0 + 7, B, update(withdrawn=[NET]))
    assert events(up + session(T0 + 5, A, 6, 1) + withdrawn) == [("route-partly-lost", NET, 7, None)]
    assert events(up + session(T0 + 5, A, 6, 1) + withdrawn + again) == [
        ("route-partly-lost", NET, 7, None), ("route-lost", NET, 21, None),
    ]  # fmt: skip


def test_an_origin_that_is_not_ones_own_is_for_a_person_also_of_a_part_of_the_prefix() -> None:
    part = "192.0.2.128/25"
    file = told(T0, A, update([NET], path=GOOD)) + told(T0 + 3, A, update([NET, part], path=BAD)) * 2
    found = events(file)
    assert found == [
        ("foreign-origin", NET, 3, None),
        ("foreign-origin", part, 3, None),
        ("route-lost", NET, 3, None),
    ]
    alarm = read_routes(io.BytesIO(file), OWN)[0][0]
    assert alarm.fields["origin"] == "64666"
    several = told(T0, A, update([NET], path=((2, (64_501,)), (1, (64_500, 64_667)))))
    assert events(several)[0][0] == "foreign-origin"
    outside = told(T0, A, update(["192.0.3.0/24", "192.0.0.0/16"], path=BAD))
    assert events(outside) == []


def test_paths_of_two_octets_and_other_records() -> None:
    sent = update([NET], path=((2, (64_501, AS_TRANS)),), octets=2, as4=((2, (4_200_000_001,)),))
    assert read_update(sent, as_octets=2).origins == (4_200_000_001,)
    left: Counter[str] = Counter()
    file = b"".join([
        told(T0, A, sent, octets=2), told(T0, A, mrt_file.message(4)), mrt_file.record(T0, 12, 1, b"old"),
        mrt_file.record(T0, 16, 7, mrt_file.head(A) + sent), mrt_file.record(T0, 16, 5, mrt_file.head(A)), mrt_file.record(T0, 17, 4, b"")[:12],
    ])  # fmt: skip
    assert len(list(read_mrt(io.BytesIO(file), left))) == 1
    assert left == {"other-messages": 1, "other-records": 1, "other-own": 1, "short": 1, "torn": 1}


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "mrt-nothing"),
        (b"not MRT at all, but text\n", "mrt-record-too-long"),
        (told(T0, A, update([NET]))[:-1], "mrt-torn"),
        (mrt_file.record(T0, 16, 4, b"\0" * 8), "mrt-no-peer"),
        (told(T0, A, b"\0" * 30), "mrt-no-message"),
        (told(T0, A, mrt_file.message(2, b"\xff\xff")), "mrt-length-lies"),
        (told(T0, A, mrt_file.message(2, b"\0\0\0\3\x40\2\xff")), "mrt-attribute-lies"),
        (told(T0, A, mrt_file.message(2, b"\0\0\0\5\x40\2\2\2\xff")), "mrt-path-lies"),
        (told(T0, A, mrt_file.message(2, b"\0\0\0\0\x21\1\1\1\1\1")), "mrt-no-prefix"),
        (table(T0, [A], [(NET, 3, GOOD)]), "mrt-no-peer"),
        (LARGEST.to_bytes(12) + b"\1\0\0\1", "mrt-torn"),
    ],
)
def test_what_cannot_be_read_is_counted_by_its_reason(octets: bytes, reason: str) -> None:
    alarms, left = read_routes(io.BytesIO(octets), OWN)
    assert alarms == ()
    assert reason in [one.reason for one in left]
    assert all(one.fault for one in left)


@pytest.mark.parametrize(("bound", "left"), [("_MOST_SESSIONS", 3), ("_MOST_RECORDS", 4)])
def test_records_that_are_too_many_are_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch, bound: str, left: int
) -> None:
    monkeypatch.setattr(f"sekisho.formats.route_files.{bound}", 3)
    both = told(T0, A, update([NET], path=GOOD)) + told(T0, B, update(["203.0.113.0/24"]))
    file = (
        both
        + b"".join(session(T0 + 5 + n, A, 6, 1) for n in range(5))
        + told(T0 + 20, A, update(withdrawn=[NET]))
    )
    alarms, missing = read_routes(io.BytesIO(file), OWN)
    assert [(one.line, one.reason) for one in missing] == [(f"{left} ×", "mrt-too-many-records")]
    assert "mrt-too-many-records" in REASONS
    assert alarms == (), "what came after is not told in parts"


def test_a_file_becomes_facts_by_the_rules_packed_or_not(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        'routes = { prefixes = ["192.0.2.0/24"], origins = [64500] }\n[[rules]]\nwhat = "down"\n'
        'match = { event = "route-lost", prefix = "192\\\\.0\\\\.2\\\\.0/24" }\nservice = "internet"\narea = "東京都"\nusers = "12000"\n'
    )
    octets = b"".join([
        told(T0, A, update([NET], path=GOOD), finer=True), told(T0 + 5.5, A, update([NET], path=BAD), finer=True),
        told(T0 + 65, A, update([NET], path=GOOD), finer=True),
    ])  # fmt: skip
    seen = set()
    for name, packed in (("u", octets), ("u.gz", gzip.compress(octets)), ("u.bz2", bz2.compress(octets))):
        file = tmp_path / name
        file.write_bytes(packed)
        found = import_alarms(file, "routes", rules, UTC, datetime.now(UTC))
        assert not found.left_out
        seen.add(tuple((one.what, one.time.timestamp(), one.users_least, one.area) for one in found.facts))
    # Facts have whole seconds. The origin that is not one's own is noted without a rule.
    assert seen == {(
        (What.NOTE, T0 + 5, None, ""), (What.DOWN, T0 + 5, 12_000, "東京都"), (What.RESTORED, T0 + 65, None, "東京都"),
    )}  # fmt: skip
    (tmp_path / "torn.gz").write_bytes(gzip.compress(octets)[:-20])
    torn = import_alarms(tmp_path / "torn.gz", "routes", rules, UTC, datetime.now(UTC))
    assert any(one.fault for one in torn.left_out)


@pytest.mark.parametrize(
    "own", [OwnRoutes((), ()), OwnRoutes(("192.0.2.1/24",), (1,)), OwnRoutes(("x",), (1,))]
)
def test_own_prefixes_that_are_none_are_refused(own: OwnRoutes) -> None:
    with pytest.raises(DescriptionError):
        read_routes(io.BytesIO(b""), own)


def test_events_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't taken is said: a loss that came after a flood of foreign origins is not as if it never was."""
    monkeypatch.setattr("sekisho.formats.route_files._MOST_ALARMS", 2)
    up = told(T0, A, update([NET], path=GOOD))
    foreign = [told(T0 + n, A, update([NET], path=((2, (64_501, 64_600 + n)),))) for n in (1, 2, 3)]
    alarms, left = read_routes(io.BytesIO(up + b"".join(foreign[:1])), OWN)
    assert (len(alarms), left) == (2, ())  # the origin, and that no peer has a path of its own
    alarms, left = read_routes(io.BytesIO(up + b"".join(foreign)), OWN)
    assert [one.fields["event"] for one in alarms] == ["foreign-origin", "foreign-origin"]
    assert [(one.line, one.reason) for one in left] == [("2 ×", "mrt-too-many-alarms")]
    assert left[0].fault
    assert "mrt-too-many-alarms" in REASONS
