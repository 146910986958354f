"""6. Replay and 7. Sybils: saying it again adds nothing, and neither does saying it under many names."""

from __future__ import annotations

import itertools
from uuid import UUID

import msgspec
import pytest

from fakes.sharing import DAY, HOUR, MOMENT, NOW, Ring, hold, indicator
from sekisho.catalogues.sharing import sharing_rules
from sekisho.model.corroboration import IndicatorState, Report, Use, Voice, decay, trust, weigh
from sekisho.model.indicator import Tlp
from sekisho.model.membership import MemberState
from sekisho.workflows.hub import decide, publish, set_state, sweep, verify

RULES = sharing_rules()


def voice(name: str, weight: float = 0.5, seen: str = "flow", *, group: str = "", feed: str = "") -> Voice:
    report = Report(
        "k", name, "cc", "address", "198.51.100.7/32", 23, 0, "", seen, feed, NOW, NOW, 1, Tlp.GREEN
    )
    return Voice(report, group or name, weight)


@pytest.mark.parametrize(
    ("voices", "score"),
    [
        ([voice("a"), voice("b")], 51),
        ([voice("a", 0.8), voice("b", 0.8)], 73),
        ([voice("a", 0.8), voice("b", 0.8), voice("c", 0.8)], 86),
        ([voice("a", 0.9, "handshake")], 81),
    ],
)
def test_the_worked_examples(voices: list[Voice], score: int) -> None:
    assert weigh(voices, NOW, RULES).score == score


def test_one_group_or_one_feed_is_one_voice() -> None:
    alone = weigh([voice("a")], NOW, RULES)
    assert weigh([voice(f"m{n}", group="a") for n in range(10)], NOW, RULES) == alone
    copied = [voice(f"m{n}", seen="copied", feed="f") for n in range(10)]
    assert weigh(copied, NOW, RULES).voices == 1
    # Through a chain: a and b share a group, b and c a feed.
    chain = [voice("a", group="g"), voice("b", group="g", feed="f"), voice("c", feed="f"), voice("d")]
    for some in itertools.permutations(chain):
        assert weigh(some, NOW, RULES).voices == 2


def test_age_and_trust() -> None:
    report = voice("a").report
    assert decay(report, NOW, RULES) == 1.0
    assert decay(report, NOW + 14 * DAY, RULES) == 0.0
    assert 0.36 < decay(report, NOW + 7 * DAY, RULES) < 0.38
    assert trust([], NOW, RULES) == 0.5
    assert trust([(NOW, True)] * 100, NOW, RULES) == 0.9
    assert trust([(NOW, False)] * 100, NOW, RULES) == 0.2
    assert trust([(NOW - 9000 * DAY, False)] * 100, NOW, RULES) > 0.49


def test_the_same_a_hundred_times(ring: Ring) -> None:
    ring.join("a").join("b")
    sent = [indicator(f"198.51.100.{n}", number=n + 1) for n in range(5)]
    first = ring.post("a", "list-in", *sent)
    before = ring.books.reports.reports(ring.books.reports.keys())
    for turn in range(30):
        told = ring.post("a", "list-in", *(reversed(sent) if turn % 2 else sent))
        assert told["success_count"] == first["success_count"] == 5
    assert ring.books.reports.reports(ring.books.reports.keys()) == before
    assert {one.score for one in ring.books.reports.standings(ring.books.reports.keys())} == {
        ring.standing("198.51.100.0").score
    }
    # New sightings of the same member move the score by nothing.
    score = ring.standing("198.51.100.1").score
    for number in range(20):
        ring.post("a", "list-in", indicator("198.51.100.1", number=100 + number))
    assert ring.standing("198.51.100.1").score == score
    assert ring.standing("198.51.100.1").state is IndicatorState.CANDIDATE


def test_ten_accounts_of_one_group_confirm_nothing(ring: Ring) -> None:
    for number in range(10):
        ring.join(f"s{number}", group="one")
        ring.post(f"s{number}", "list-in", indicator(number=number + 1, seen="handshake"))
    assert ring.standing("198.51.100.7").state is IndicatorState.CANDIDATE
    assert ring.published("s1") == {}
    ring.join("t")
    ring.post("t", "list-in", indicator(number=50, seen="handshake"))
    assert ring.standing("198.51.100.7").state is IndicatorState.CONFIRMED
    assert len(ring.published("s1")) == 1


def test_members_who_copy_one_feed_are_one_voice(ring: Ring) -> None:
    ring.join("s1", lineage="feed-x").join("s2", lineage="feed-x").join("t")
    for number, name in enumerate(("s1", "s2")):
        ring.post(name, "list-in", indicator(number=number + 1, seen="copied"))
    assert ring.standing("198.51.100.7").voices == 1
    ring.post("t", "list-in", indicator(number=9, labels=["evidence:copied", "feed:feed-x"]))
    assert ring.standing("198.51.100.7").voices == 1


@pytest.mark.parametrize(
    ("address", "reason"),
    [("8.8.8.8", "resolver"), ("104.16.1.1", "cdn"), ("203.0.113.9", "own-network"), ("198.51.100.0/24", "too-short"),
     ("0.0.0.0/0", "reserved"), ("10.1.2.3", "private")],
)  # fmt: skip
def test_a_poisoned_list_ends_with_the_indicator_held(ring: Ring, address: str, reason: str) -> None:
    for number, name in enumerate("abc"):
        ring.join(name)
        if name == "c":
            hold(ring.books, "c", "203.0.113.0/24", 1, 0, "op")
        told = ring.post(name, "list-in", indicator(address, number=number + 1, seen="handshake"))
        assert told["failure_count"] == 0
    one = ring.standing(address.split("/", maxsplit=1)[0])
    assert (one.state, one.reason) == (IndicatorState.HELD, reason)
    assert ring.published("a") == {}
    for form in ("block.txt", "watch.txt", "watch.nft"):
        body = ring.ask("a", "GET", f"/feed/{form}").body.decode()
        assert address.split("/", maxsplit=1)[0] not in body
    mine = ring.ask("a", "GET", "/me/reports.json").json["reports"][0]
    assert mine["reason"] == reason
    assert mine["ja"]
    assert mine["en"]


def test_a_dispute_takes_it_away_until_a_person_decides(ring: Ring) -> None:
    for name in "abcd":
        ring.join(name)
    for number, name in enumerate("ab"):
        ring.post(name, "list-in", indicator(number=number + 1))
    (there,) = ring.published("c").values()
    opinion = {
        "type": "opinion", "spec_version": "2.1", "id": "opinion--00000000-0000-4000-8000-000000000001", "created": there["created"],
        "modified": there["created"], "opinion": "strongly-disagree", "object_refs": [there["id"]], "explanation": "うちの監視装置",
    }  # fmt: skip
    ring.clock[0] += 1000
    assert ring.post("c", "list-in", opinion)["success_count"] == 1
    assert ring.standing("198.51.100.7").reason == "disputed"
    (gone,) = ring.published("a").values()
    assert gone["revoked"] is True
    assert "198.51.100.7" not in ring.ask("a", "GET", "/feed/watch.txt").body.decode()
    (dispute,) = ring.books.disputes.disputes()
    ring.clock[0] += 1000
    decide(ring.books, dispute.id, "op", upheld=False, reason="looked")
    (back,) = ring.published("a").values()
    assert "revoked" not in back
    assert trust(ring.books.disputes.outcomes()["c"], ring.clock[0], ring.books.rules) < 0.5
    again = ring.post("c", "list-in", opinion | {"id": "opinion--00000000-0000-4000-8000-000000000003"})
    assert "dismissed" in again["failures"][0]["message"]
    # The same once more is no new dispute.
    assert ring.post("c", "list-in", opinion)["success_count"] == 1
    assert ring.standing("198.51.100.7").state is IndicatorState.CONFIRMED
    # A new one of another member, upheld: it is put away, and those who reported it are trusted less.
    ring.post("d", "list-in", opinion | {"id": "opinion--00000000-0000-4000-8000-000000000002"})
    ring.clock[0] += 1000
    other = next(one for one in ring.books.disputes.disputes() if not one.decided)
    decide(ring.books, other.id, "op", upheld=True, reason="looked again")
    assert ring.standing("198.51.100.7").state is IndicatorState.RETIRED
    assert trust(ring.books.disputes.outcomes()["a"], ring.clock[0], ring.books.rules) < 0.5


def test_a_life_from_candidate_to_retired(ring: Ring) -> None:
    ring.join("a").join("b")
    ring.post("a", "list-in", indicator(seen="handshake"))
    assert ring.standing("198.51.100.7").state is IndicatorState.CANDIDATE
    proven = verify(ring.books, ring.standing("198.51.100.7").id, "op", true=True, reason="connected")
    assert (proven.state, proven.grade) == (IndicatorState.CONFIRMED, Use.WATCH)
    assert len(ring.published("b")) == 1
    ring.clock[0] += 8 * DAY
    sweep(ring.books)
    assert ring.standing("198.51.100.7").state is IndicatorState.DORMANT
    (asleep,) = ring.published("b").values()
    assert asleep["revoked"] is True
    ring.clock[0] += 91 * DAY
    sweep(ring.books)
    assert ring.standing("198.51.100.7").state is IndicatorState.RETIRED
    publish(ring.books)


def test_a_member_who_left_is_no_voice(ring: Ring) -> None:
    for number, name in enumerate("ab"):
        ring.join(name)
        ring.post(name, "list-in", indicator(number=number + 1))
    assert ring.standing("198.51.100.7").state is IndicatorState.CONFIRMED
    set_state(ring.books, "b", MemberState.SUSPENDED, "op", "test")
    assert ring.standing("198.51.100.7").state is IndicatorState.CANDIDATE


def test_taken_back_by_the_one_who_said_it(ring: Ring) -> None:
    for number, name in enumerate("ab"):
        ring.join(name)
        ring.post(name, "list-in", indicator(number=number + 1))
    later = "2026-11-18T10:30:00.000Z"
    ring.post("b", "list-in", indicator(number=2, revoked=True) | {"modified": later})
    assert ring.standing("198.51.100.7").voices == 1


def test_what_was_taken_back_stays_so_when_it_is_sent_again(ring: Ring) -> None:
    for number, name in enumerate("ab"):
        ring.join(name)
        ring.post(name, "list-in", indicator(number=number + 1))
    later = "2026-11-18T10:30:00.000Z"
    # The withdrawal names another place: what it takes back is what this object said before.
    gone = indicator("198.51.100.8", number=2, revoked=True) | {"modified": later}
    ring.post("b", "list-in", gone)
    assert ring.standing("198.51.100.7").voices == 1
    assert ring.post("b", "list-in", indicator(number=2))["success_count"] == 1
    assert ring.standing("198.51.100.7").voices == 1
    ring.post("b", "list-in", indicator(number=2) | {"modified": "2026-11-18T10:20:00.000Z"})
    assert ring.standing("198.51.100.7").voices == 1


def test_a_family_is_what_most_groups_call_it(ring: Ring) -> None:
    for number, (name, family) in enumerate((("a", "mirai"), ("b", "mirai"), ("c", "aaaa"), ("d", "aaaa"))):
        ring.join(name, group="one" if name in "cd" else "")
        ring.post(name, "list-in", indicator(number=number + 1, family=family))
        assert ring.standing("198.51.100.7").family == "mirai"
    refused = ring.post("a", "list-in", indicator("198.51.100.9", number=9, family="203.0.113.77"))
    assert refused["failure_count"] == 1


def test_a_feed_keeps_what_is_to_be_written_anew_however_much_waits(ring: Ring) -> None:
    for name in "abc":
        ring.join(name)

    def sent(moment: str) -> None:
        for number, name in enumerate("ab"):
            ring.post(
                name, "list-in", indicator(number=number + 1, seen="handshake", moment=moment, created=MOMENT)
            )

    sent(MOMENT)
    assert len(ring.published("c")) == 1
    first = ring.ask("c", "GET", "/feed/watch.json").json
    ring.clock[0] += 3 * HOUR
    sent("2026-11-18T13:30:00.000Z")
    # More than a release takes at once, before it in the order of the keys, and never on the list so far.
    one = ring.standing("198.51.100.7")
    assert one.published == 0
    never = f"indicator--{UUID(int=10_000, version=4)}"
    ring.books.reports.settle(
        msgspec.structs.replace(
            one,
            key=f"cc|address|192.0.2.1/32|{port}|6",
            id=f"indicator--{UUID(int=port, version=4)}",
            port=port,
        )
        for port in range(10_000, 11_001)
    )
    second = ring.ask("c", "GET", "/feed/watch.json").json
    # Who has it counts it and may disagree meanwhile.
    row = {"indicator": one.id, "day": "2026-11-17", "lines": 9}
    assert ring.ask("c", "POST", "/counts/", {"counts": [row]}).json == {"taken": 1, "unknown": 0}
    assert ring.ask("c", "POST", "/counts/", {"counts": [row | {"indicator": never}]}).json["unknown"] == 1
    assert [entry["value"] for entry in second["entries"]] == ["198.51.100.7"]
    assert second["changed"] > first["changed"]
    ring.clock[0] -= HOUR  # the clock was set back
    assert ring.ask("c", "GET", "/feed/watch.json").json["changed"] == second["changed"]
    opinion = {
        "type": "opinion", "spec_version": "2.1", "id": f"opinion--{UUID(int=1, version=4)}", "created": MOMENT,
        "modified": MOMENT, "opinion": "disagree", "object_refs": [one.id],
    }  # fmt: skip
    assert ring.post("c", "list-in", opinion)["success_count"] == 1
