"""Folding and the life of a case, against what must hold for any detections in any order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason, Healing
from sekisho.model.case_folding import fold, fold_line, untouched
from sekisho.model.case_healing import DAY, HOUR, active_days, healed, observe
from sekisho.model.case_life import (
    ADMIN,
    ANALYST,
    GRADES,
    ROLES,
    SENDER,
    STEPS,
    WATCH,
    Actor,
    Change,
    Life,
    allowed,
    assign,
    close,
    comment,
    merge,
    sighting,
    split,
    step,
    undo,
)  # fmt: skip
from sekisho.model.detection import Detection, Grade

NOW = 1_795_000_000_000
WINDOW = 24 * HOUR
SATO = Actor("sato", ANALYST)


class Plain:
    """A store of one line in a dict, as a store does it: revisions and numbers of events."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}

    def save(self, changes: Sequence[Change]) -> None:
        for one in changes:
            old = self.lives.get(one.case.id)
            events = old.events if old else ()
            assert one.case.revision == (old.case.revision if old else 0)
            numbered = [
                msgspec.structs.replace(event, seq=len(events) + n) for n, event in enumerate(one.events, 1)
            ]
            # As a database keeps them: what comes back are plain values.
            kept = msgspec.json.decode(msgspec.json.encode(numbered), type=tuple[CaseEvent, ...])
            stored = msgspec.structs.replace(one.case, revision=one.case.revision + 1)
            self.lives[one.case.id] = Life(stored, (*events, *kept))

    def fold(self, found: Sequence[Detection], at: int = NOW) -> None:
        self.save(fold_line(tuple(self.lives.values()), found, window=WINDOW, at=at))

    def outcome(self) -> set[tuple[object, ...]]:
        return {
            (
                one.case.key, one.case.state, one.case.grade, one.case.first_seen, one.case.last_seen,
                one.case.methods, one.case.detections, frozenset(one.sightings),
            )
            for one in self.lives.values()
            if not one.case.merged_into
        }  # fmt: skip

    def only(self) -> Life:
        (life,) = [one for one in self.lives.values() if not one.case.merged_into]
        return life


@st.composite
def detections(draw: st.DrawFn, least: int = 1, most: int = 9) -> list[Detection]:
    count = draw(st.integers(least, most))
    found = []
    for number in range(count):
        family = draw(st.sampled_from(["", "", "mirai", "bashlite"]))
        method = "known_cc" if family else draw(st.sampled_from(["outbound_scan", "brute_force"]))
        begin = NOW + draw(st.integers(-200, 200)) * HOUR
        end = begin + draw(st.integers(0, 3)) * HOUR
        grade = draw(st.sampled_from(list(Grade)))
        found.append(Detection(f"d{number}", method, 4711, begin, end, grade, "seen", family=family))
    return found


def seen(name: str, hour: int, *, family: str = "", grade: Grade = Grade.LIKELY) -> Detection:
    method = "known_cc" if family else "outbound_scan"
    begin = NOW + hour * HOUR
    return Detection(name, method, 4711, begin, begin + HOUR, grade, "seen", family=family)


@settings(max_examples=300)
@given(detections(), st.data())
def test_order_and_grouping_of_arrival_change_nothing(found: list[Detection], data: st.DataObject) -> None:
    whole = Plain()
    whole.fold(found)
    shuffled = data.draw(st.permutations(found))
    pieces = Plain()
    while shuffled:
        count = data.draw(st.integers(1, len(shuffled)))
        pieces.fold(shuffled[:count])
        shuffled = shuffled[count:]
    assert pieces.outcome() == whole.outcome()
    assert sum(one.case.detections for one in pieces.lives.values()) == len(found)


@given(detections(), st.integers(0, 5))
def test_the_same_again_changes_nothing(found: list[Detection], start: int) -> None:
    line = Plain()
    line.fold(found)
    before = dict(line.lives)
    line.fold(found[start:])
    assert line.lives == before


@given(detections())
def test_a_case_is_what_its_plain_rule_says(found: list[Detection]) -> None:
    """The oracle: each detection's key by looking at all others, one by one."""
    line = Plain()
    line.fold(found)
    expected: dict[str, set[str]] = {}
    for one in found:
        best: tuple[int, str] | None = None
        for other in found:
            if other.family:
                gap = max(0, one.begin - other.end, other.begin - one.end)
                if gap <= WINDOW and (best is None or (gap, other.family) < best):
                    best = (gap, other.family)
        key = (
            f"family:{one.family}" if one.family else f"family:{best[1]}" if best else f"method:{one.method}"
        )
        expected.setdefault(key, set()).add(one.id)
    assert {one.case.key: set(one.sightings) for one in line.lives.values()} == expected


@given(detections(2), st.lists(st.sampled_from(list(Grade)), min_size=9, max_size=9))
def test_the_grade_never_falls_by_folding(found: list[Detection], later: list[Grade]) -> None:
    line = Plain()
    for one, grade in zip(found, later, strict=False):
        line.fold([one])
        home = next(life.case for life in line.lives.values() if one.id in life.sightings)
        line.fold([msgspec.structs.replace(one, grade=grade)])
        again = line.lives[home.id].case
        assert GRADES.index(again.grade) >= GRADES.index(home.grade)


@given(detections(2), st.data())
def test_split_merge_and_undo_give_back_what_was(found: list[Detection], data: st.DataObject) -> None:
    line = Plain()
    line.fold([msgspec.structs.replace(one, family="mirai", method="known_cc") for one in found])
    life = line.only()
    chosen = data.draw(
        st.sets(st.sampled_from(sorted(life.sightings)), min_size=1, max_size=len(found) - 1), label="chosen"
    )
    line.save(split(life, sorted(chosen), SATO, NOW + 1, "C-new"))
    assert set(line.lives["C-new"].sightings) == chosen
    split_up = {name: (one.case.detections, set(one.sightings)) for name, one in line.lives.items()}
    line.save(merge(line.lives[life.case.id], line.lives["C-new"], SATO, NOW + 2))
    merged = line.lives[life.case.id]
    assert merged.sightings == life.sightings
    line.save(undo(merged, line.lives["C-new"], SATO, NOW + 3))
    assert {name: (one.case.detections, set(one.sightings)) for name, one in line.lives.items()} == split_up
    assert line.lives["C-new"].case.state is CaseState.NEW
    line.save(undo(line.lives[life.case.id], line.lives["C-new"], SATO, NOW + 4))
    back = line.lives[life.case.id]
    assert back.sightings == life.sightings
    assert plain(back.case) == plain(life.case)


def plain(case: Case) -> Case:
    return msgspec.structs.replace(case, updated=0, revision=0)


@given(detections(), st.integers(0, 400))
def test_never_healed_without_activity(found: list[Detection], days: int) -> None:
    line = Plain()
    line.fold(found)
    for life in line.lives.values():
        state = observe(life.case, (), life.case.last_seen + days * DAY, 5)
        assert state is (Healing.UNKNOWN if days else Healing.ACTIVE)


@given(st.sets(st.integers(-100, 24 * 12)), st.integers(0, 24 * 12), st.integers(1, 7))
def test_healed_after_so_many_days_at_work_and_not_before(hours: set[int], later: int, days: int) -> None:
    case = Case("c", 1, "family:mirai", CaseState.NOTIFIED, Grade.LIKELY, NOW, NOW, NOW, NOW)
    now = NOW + later * HOUR
    activity = [NOW + hour * HOUR for hour in hours if hour <= later]
    slices = sum(any(d * 24 <= hour < (d + 1) * 24 for hour in hours) for d in range(later // 24))
    assert active_days(case, activity, now) == slices
    assert (observe(case, activity, now, days) is Healing.HEALED) == (later >= 24 and slices >= days)


@given(st.sampled_from(list(CaseState)), st.sampled_from(list(CaseState)), st.sampled_from([*ROLES, "watch"]))
def test_only_the_watch_heals(begin: CaseState, end: CaseState, role: str) -> None:
    case = Case("c", 1, "family:mirai", begin, Grade.CONFIRMED, NOW, NOW, NOW, NOW)
    if end in {CaseState.HEALED, CaseState.RELAPSED} and allowed(case, end, role):
        assert role == WATCH.role
    if role == "viewer":
        assert not allowed(case, end, role)


def test_every_state_is_reached_and_only_closed_ends() -> None:
    reached = {CaseState.NEW}
    for _ in CaseState:
        reached |= {end for begin, end in STEPS if begin in reached}
    assert reached == set(CaseState)
    assert {state for state in CaseState if not any(begin is state for begin, _ in STEPS)} == {
        CaseState.CLOSED
    }
    assert all(begin is not end for begin, end in STEPS)


ACTS = st.lists(st.sampled_from(["confirm", "assign", "comment", "close", "notify"]), min_size=1, max_size=6)


@given(detections(1, 3), ACTS)
def test_undoing_all_acts_gives_back_the_first_case(found: list[Detection], acts: list[str]) -> None:
    line = Plain()
    line.fold([msgspec.structs.replace(one, family="mirai", grade=Grade.CONFIRMED) for one in found])
    name = line.only().case.id
    first = line.lives[name].case
    done = 0
    for number, act in enumerate(acts):
        case, at = line.lives[name].case, NOW + number
        if act == "assign":
            change = assign(case, f"person{number}", SATO, at)
        elif act == "comment":
            change = comment(case, "見た", SATO, at)
        elif act == "close" and allowed(case, CaseState.CLOSED, ANALYST):
            change = close(case, CloseReason.OTHER, SATO, at, "転居")
        elif act == "confirm" and allowed(case, CaseState.CONFIRMED, ANALYST):
            change = step(case, CaseState.CONFIRMED, SATO, at)
        elif act == "notify" and allowed(case, CaseState.NOTIFIED, SENDER):
            change = step(case, CaseState.NOTIFIED, Actor("kato", SENDER), at)
        else:
            continue
        line.save([change])
        done += 1
    for _ in range(done):
        line.save(undo(line.lives[name], None, Actor("boss", ADMIN), NOW + 99))
    assert plain(line.lives[name].case) == plain(first)


def test_after_healing_a_detection_is_a_relapse_and_an_old_one_is_not() -> None:
    line = Plain()
    line.fold([seen("a", 0, family="mirai")])
    change = healed(line.only().case, NOW + 9 * DAY, 5)
    assert change is not None
    line.save([change])
    line.fold([seen("before", -30, family="mirai")])
    assert line.only().case.state is CaseState.HEALED
    line.fold([seen("after", 240, family="mirai")])
    case = line.only().case
    assert (case.state, case.relapses, case.healed_at, case.detections) == (CaseState.RELAPSED, 1, 0, 3)


def test_a_false_alarm_only_counts_until_something_surer_comes() -> None:
    line = Plain()
    line.fold([seen("a", 0, family="mirai")])
    name = line.only().case.id
    line.save([close(line.only().case, CloseReason.FALSE_ALARM, SATO, NOW)])
    line.fold([seen("b", 5, family="mirai"), seen("scan", 5)])
    assert line.lives[name].case.state is CaseState.CLOSED
    assert line.lives[name].case.detections == 2
    scans = [one.case.key for one in line.lives.values() if one.case.id != name]
    assert scans == ["method:outbound_scan"]  # a false alarm hides no other trouble
    line.fold([seen("c", 6, family="mirai", grade=Grade.CONFIRMED)])
    new = [one for one in line.lives.values() if one.case.key == "family:mirai" and one.case.id != name]
    assert [(one.case.state, set(one.sightings) >= {"c"}) for one in new] == [(CaseState.NEW, True)]


def test_a_family_draws_behaviours_out_of_untouched_cases_only() -> None:
    line, touched = Plain(), Plain()
    for one in (line, touched):
        one.fold([seen("scan", 0)])
    touched.save([assign(touched.only().case, "sato", SATO, NOW)])
    assert untouched(line.only())
    assert not untouched(touched.only())
    for one in (line, touched):
        one.fold([seen("cc", 20, family="mirai")])
    assert line.only().case.key == "family:mirai"
    assert set(line.only().sightings) == {"scan", "cc"}
    assert sorted(one.case.key for one in touched.lives.values()) == ["family:mirai", "method:outbound_scan"]
    assert all(one.case.detections == 1 for one in touched.lives.values())


def test_a_persons_merge_is_followed_by_later_detections() -> None:
    line = Plain()
    line.fold([seen("cc", 0, family="mirai"), seen("other", 100, family="bashlite")])
    one, two = line.lives.values()
    line.save(merge(one, two, SATO, NOW))
    line.fold([seen("later", 200, family=two.case.family)])
    assert set(line.lives[one.case.id].sightings) == {"cc", "other", "later"}


def test_fold_of_one() -> None:
    change = fold(None, seen("a", 0, family="mirai"), NOW)
    assert change is not None
    assert (change.case.key, change.case.detections, change.case.state) == ("family:mirai", 1, CaseState.NEW)
    life = Life(change.case, change.events)
    assert fold(life, seen("a", 0, family="mirai"), NOW) is None
    more = fold(life, seen("b", 9, family="mirai", grade=Grade.CONFIRMED), NOW)
    assert more is not None
    assert (more.case.detections, more.case.grade) == (2, Grade.CONFIRMED)


@pytest.mark.parametrize(
    ("begin", "method", "remotes", "count"),
    [
        (1, "known_cc", ("198.51.100.7:23/6", "198.51.100.8:23/6"), 1),
        (1, "known_cc", ("198.51.100.8:23/6",), 2),
        (1, "brute_force", ("198.51.100.7:23/6",), 2),
        (4, "known_cc", ("198.51.100.7:23/6",), 2),
    ],
)
def test_what_overlapping_windows_show_of_the_same_doing_counts_once(
    begin: int, method: str, remotes: tuple[str, ...], count: int
) -> None:
    one = Detection(
        "d0",
        "known_cc",
        4711,
        NOW,
        NOW + 3 * HOUR,
        Grade.LIKELY,
        "seen",
        family="mirai",
        remotes=("198.51.100.7:23/6",),
    )
    other = msgspec.structs.replace(
        one, id="d1", method=method, begin=NOW + begin * HOUR, end=NOW + 5 * HOUR, remotes=remotes
    )
    for order in ([one, other], [other, one]):
        line = Plain()
        for found in order:
            line.fold([found])
        (life,) = line.lives.values()
        assert (life.case.detections, len(life.sightings)) == (count, 2)


def test_a_sighting_keeps_the_lines_own_ports_and_no_rows() -> None:
    rows = [
        {"flowStartMilliseconds": NOW + n, "subscriberSide": side, "sourceTransportPort": 1000 + n,
         "destinationTransportPort": 23, "postNAPTSourceTransportPort": nat}
        for n, (side, nat) in enumerate([(1, None), (2, None), (1, 7000)] + [(1, None)] * 40)
    ]  # fmt: skip
    kept = sighting(msgspec.structs.replace(seen("a", 0), evidence=tuple(rows), rows=43))
    assert kept.moments[:3] == ((1000, NOW), (23, NOW + 1), (7000, NOW + 2))
    assert len(kept.moments) == 32, "bounded, and both ends are kept"
    assert kept.moments[-1] == (1042, NOW + 42)
    assert "flowStartMilliseconds" not in msgspec.json.encode(kept).decode()


def test_the_window_holds_up_to_its_last_millisecond() -> None:
    for late, keys in ((0, ["family:mirai"]), (1, ["family:mirai", "method:outbound_scan"])):
        line = Plain()
        family = seen("cc", 0, family="mirai")
        begin = family.end + WINDOW + late
        line.fold([family, msgspec.structs.replace(seen("scan", 0), begin=begin, end=begin)])
        assert sorted(one.case.key for one in line.lives.values()) == keys
