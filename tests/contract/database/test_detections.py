"""The index of detections: filled exactly once from the log, paged by key, counted, expired, and only for its purposes."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from contract.database.places import opened
from sekisho.errors import DescriptionError, PurposeError
from sekisho.model.detected import HOUR, Listed
from sekisho.model.detection import Detection, Grade
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.ports.detections import DetectionFilter
from sekisho.stores.database import Database
from sekisho.stores.database.detection_filling import SqlDetectionFilling, address_of
from sekisho.stores.database.detections import SqlDetections
from sekisho.stores.detection_log import DetectionLog
from sekisho.stores.detection_tail import DetectionTail
from sekisho.workflows.index_detections import index_detections

NOW = 1_795_000_000_000
DAY = 24 * HOUR
CC = Purpose.CC_DETECTION
METHODS = ("known_cc", "outbound_scan", "brute_force")
FAMILIES = ("", "mirai", "gafgyt")
EVERY = DetectionFilter()


def label(expires: int = NOW + DAY, *purposes: Purpose) -> Label:
    return Label(
        purposes or (CC, Purpose.ATTACK_DETECTION), LegalBasis.LEGITIMATE_BUSINESS, Stage.CANDIDATE, expires
    )


def detection(name: str, **more: object) -> Detection:
    made = Detection(
        name, "known_cc", 7, NOW - HOUR, NOW - HOUR + 5, Grade.LIKELY, "matched", {"n": 3}, "mirai",
        ("198.51.100.7:23/6", "2001:db8::7:23/6"), 2, ({"flowStartMilliseconds": NOW - HOUR, "名": "x"},), 1,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def several(count: int, seed: int = 1) -> list[Detection]:
    chance = random.Random(seed)
    return [
        detection(
            f"{seed}-{number:05}", method=chance.choice(METHODS), family=chance.choice(FAMILIES),
            grade=chance.choice(list(Grade)), subscriber=chance.randrange(9),
            begin=NOW - chance.randrange(40) * HOUR // 2 - chance.randrange(3),
            remotes=tuple(f"192.0.2.{chance.randrange(4)}:{port}/6" for port in (23, 80)),
        )
        for number in range(count)
    ]  # fmt: skip


class Place:
    """A log and its index."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.now = NOW
        self.folder = folder
        self.log = DetectionLog(folder / "detections.jsonl")
        self.tail = DetectionTail(folder / "detections.jsonl")
        self.filling = SqlDetectionFilling(database)
        self.index = SqlDetections(database, folder / "refusals.jsonl", lambda: self.now)

    def fill(self) -> int:
        return index_detections(self.tail, self.filling, self.now).taken

    def ids(self, wanted: DetectionFilter = EVERY, limit: int = 7) -> list[str]:
        found, after = [], ""
        while True:
            page = self.index.find(wanted, CC, after=after, limit=limit)
            found += [one.id for one in page.listed]
            after = page.next
            if not after:
                return found

    def check(self, held: Sequence[Detection]) -> None:
        """The index holds exactly these, and its counts are theirs."""
        assert sorted(self.ids(limit=1000)) == sorted(one.id for one in held)
        counts = self.index.counts(EVERY, CC)
        assert counts.total == len(held)
        assert counts.methods == Counter(one.method for one in held)
        assert counts.grades == Counter(one.grade.value for one in held)
        assert counts.families == Counter(one.family for one in held)
        assert counts.hours == Counter(one.begin // HOUR * HOUR for one in held)


@pytest.fixture
def place(tmp_path: Path, database: Database) -> Place:
    return Place(tmp_path, database)


def test_what_the_log_holds_is_listed_newest_first(place: Place) -> None:
    every = several(60)
    place.log.add(every, label(), NOW)
    place.fill()
    assert place.ids() == [one.id for one in sorted(every, key=lambda one: (-one.begin, one.id))]
    place.check(every)
    listed = place.index.one(every[3].id, CC)
    assert listed is not None
    plain = msgspec.structs.asdict(every[3])
    assert all(getattr(listed, name) == value for name, value in plain.items() if name != "evidence")
    assert (listed.found, listed.expires, listed.purposes) == (NOW, NOW + DAY, label().purposes)
    assert place.index.one("none", CC) is None


FILTERS = (
    DetectionFilter(methods=("known_cc",)),
    DetectionFilter(methods=("known_cc", "brute_force"), grades=(Grade.LIKELY, Grade.WATCH)),
    DetectionFilter(grades=(Grade.CONFIRMED,)),
    DetectionFilter(family="mirai"),
    DetectionFilter(family=""),
    DetectionFilter(family="gafgyt", methods=("outbound_scan",)),
    DetectionFilter(methods=("nobody's",)),
    DetectionFilter(subscriber=4),
    DetectionFilter(subscriber=4, family="mirai", grades=(Grade.LIKELY,)),
    DetectionFilter(since=NOW - 9 * HOUR, until=NOW - 3 * HOUR),
    DetectionFilter(since=NOW - 9 * HOUR - 1234, until=NOW - 3 * HOUR - HOUR // 2, methods=("known_cc",)),
    DetectionFilter(since=NOW - HOUR // 3, until=NOW - HOUR // 4),
    DetectionFilter(since=NOW - 5 * HOUR // 2),
    DetectionFilter(until=NOW - 7 * HOUR - 1, family="mirai"),
    DetectionFilter(remote="192.0.2.1"),
    DetectionFilter(remote="192.0.2.1:80/6", family="mirai"),
    DetectionFilter(remote="192.0.2.1:8/6"),
    DetectionFilter(ids=("1-00003", "1-00007", "gone")),
    DetectionFilter(ids=()),
)


def fits(one: Detection, wanted: DetectionFilter) -> bool:
    return all(
        (
            not wanted.methods or one.method in wanted.methods,
            not wanted.grades or one.grade in wanted.grades,
            wanted.family is None or one.family == wanted.family,
            wanted.subscriber is None or one.subscriber == wanted.subscriber,
            not wanted.remote
            or wanted.remote in one.remotes
            or wanted.remote in {remote.split(":")[0] for remote in one.remotes},
            one.begin >= wanted.since,
            not wanted.until or one.begin < wanted.until,
            wanted.ids is None or one.id in wanted.ids,
        )
    )


def test_filters_give_what_a_look_at_each_gives(place: Place) -> None:
    every = several(200)
    place.log.add(every, label(), NOW)
    place.fill()
    for wanted in FILTERS:
        right = sorted((one for one in every if fits(one, wanted)), key=lambda one: (-one.begin, one.id))
        assert place.ids(wanted) == [one.id for one in right], wanted
        counts = place.index.counts(wanted, CC)
        assert (counts.total, counts.exact) == (len(right), True), wanted
        assert counts.methods == Counter(one.method for one in right), wanted
        assert counts.hours == Counter(one.begin // HOUR * HOUR for one in right), wanted


def test_it_is_filled_once_and_goes_on_where_it_stopped(place: Place) -> None:
    first, second = several(30), several(20, seed=2)
    place.log.add(first, label(), NOW)
    assert place.fill() == 30
    assert place.fill() == 0
    place.log.add(second, label(), NOW + 5)
    assert place.fill() == 20
    place.check([*first, *second])


def test_a_detection_found_again_is_counted_once_as_it_was_found_last(place: Place) -> None:
    old = several(10)
    place.log.add(old, label(), NOW)
    place.fill()
    again = [
        msgspec.structs.replace(one, grade=Grade.CONFIRMED, remotes=("203.0.113.9:1/17",)) for one in old
    ]
    place.log.add(again, label(NOW + 2 * DAY), NOW + 60_000)
    place.fill()
    place.check(again)
    assert len(place.ids(DetectionFilter(remote="203.0.113.9"))) == 10
    assert place.ids(DetectionFilter(remote="192.0.2.1")) == []


def test_what_expires_leaves_the_index_and_a_rewritten_log_is_gone_on_with(place: Place) -> None:
    old, young = several(25), several(25, seed=2)
    place.log.add(old, label(NOW + 1000), NOW - DAY)
    place.log.add(young, label(NOW + DAY), NOW)
    place.fill()
    place.now = NOW + 2000
    # What a question sees has not expired, also before anybody has deleted it.
    assert sorted(place.ids(limit=1000)) == sorted(one.id for one in young)
    place.log.expire(place.now)
    # Found again while the index wasn't looking: its line stands at the end of the new file.
    again = [msgspec.structs.replace(young[0], grade=Grade.WATCH, reason="again")]
    place.log.add(again, label(NOW + DAY), place.now)
    later = several(5, seed=3)
    place.log.add(later, label(NOW + DAY), place.now)
    place.fill()
    place.check([*again, *young[1:], *later])


def test_a_detection_found_again_before_an_expiry_is_not_missed(place: Place) -> None:
    old, young = several(5), several(40, seed=2)
    place.log.add(old, label(NOW + 1000), NOW - DAY)
    place.log.add(young, label(NOW + DAY), NOW - DAY)
    place.fill()
    later = NOW + DAY // 2
    again = msgspec.structs.replace(young[0], grade=Grade.WATCH, reason="again")
    place.log.add([again], label(NOW + DAY), later)
    place.log.expire(later)
    place.now = later
    place.fill()
    place.check([again, *young[1:]])


def test_a_log_that_is_gone_or_another_one_makes_it_anew(place: Place) -> None:
    place.log.add(several(20), label(), NOW)
    place.fill()
    place.log.file.unlink()
    place.fill()
    place.check([])
    place.log.add(several(20), label(), NOW)
    place.fill()
    older = several(7, seed=5)
    place.log.file.unlink()
    place.log.add(older, label(), NOW - DAY)
    place.fill()
    place.check(older)


def test_half_lines_and_lines_of_others_harm_nobody(place: Place) -> None:
    every = several(3)
    place.log.add(every[:1], label(), NOW)
    with place.log.file.open("ab") as out:
        out.write(b'{"at": 1, "half')
    done = index_detections(place.tail, place.filling, NOW)
    assert (done.taken, done.rejected) == (1, 0)
    place.log.add(every[1:], label(), NOW)
    done = index_detections(place.tail, place.filling, NOW)
    assert (done.taken, done.rejected) == (2, 1)
    place.check(every)


def test_two_fillers_at_once_take_each_line_once(place: Place, address: str) -> None:
    every = several(3000)
    for first in range(0, 3000, 100):
        place.log.add(every[first : first + 100], label(), NOW + first)
    taken: list[int] = []

    def fill() -> None:
        mine = opened(address)
        log = _Small(place.tail)
        taken.append(index_detections(log, SqlDetectionFilling(mine), NOW).taken)
        mine.close()

    threads = [Thread(target=fill) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(taken) == 3000
    place.check(every)


class _Small:
    """Reads in small pieces, so that several fillers take turns."""

    def __init__(self, tail: DetectionTail) -> None:
        self._tail = tail

    def read(self, mark: str = "") -> object:
        return self._tail.read(mark, octets=60_000)


def test_another_purpose_gets_nothing_and_is_logged(place: Place) -> None:
    place.log.add(several(3), label(), NOW)
    place.log.add([detection("other")], label(NOW + DAY, CC), NOW)
    place.fill()
    assert len(place.ids()) == 4
    asks = (
        lambda purpose: place.index.find(EVERY, purpose, who="sato"),
        lambda purpose: place.index.one("other", purpose, "sato"),
        lambda purpose: place.index.counts(EVERY, purpose, "sato"),
    )
    for ask in asks:
        # One label that doesn't allow it is enough, as in the log.
        for purpose in (Purpose.SHARING, Purpose.ATTACK_DETECTION):
            with pytest.raises(PurposeError):
                ask(purpose)
    refused = [json.loads(line) for line in (place.folder / "refusals.jsonl").read_text().splitlines()]
    assert len(refused) == 6
    assert {(one["dataset"], one["who"]) for one in refused} == {("detections", "sato")}


def test_flow_rows_come_from_the_log(place: Place) -> None:
    old, every = several(30, seed=3), several(30)
    place.log.add(old, label(NOW + 1000), NOW - 5)
    place.log.add(every, label(), NOW)
    place.fill()
    place.log.expire(NOW + 1000)  # lines move
    for one in every:
        listed = place.index.one(one.id, CC)
        assert isinstance(listed, Listed)
        logged = place.tail.logged(one.id, listed.place)
        assert logged is not None
        assert logged.detection == one
    assert place.tail.logged(old[0].id, 0) is None
    assert place.tail.logged('x","', 0) is None


def test_a_key_that_is_none_is_refused(place: Place) -> None:
    for key in ("x", "5", ".a", "5.", "99999999999999999999.a"):
        with pytest.raises(DescriptionError):
            place.index.find(EVERY, CC, after=key)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("198.51.100.7:23/6", "198.51.100.7"), ("2001:db8::7:23/6", "2001:db8::7"), ("[2001:db8::7]:23/tcp", "2001:db8::7"),
        ("198.51.100.7", "198.51.100.7"), ("2001:db8::7", "2001:db8::7"),
    ],
)  # fmt: skip
def test_addresses_of_remotes(remote: str, address: str) -> None:
    assert address_of(remote) == address
