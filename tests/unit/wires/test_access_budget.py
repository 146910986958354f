from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.assessment import Limits
from sekisho.model.terminal import LockRule
from sekisho.wires.access.budget import CONTROLS, Budget


def test_a_declared_rule_lowers_the_row_but_never_below_one():
    budget = Budget(Limits(wrong_in_a_row=3))
    assert [
        budget.in_a_row(rule)
        for rule in (None, LockRule(10, 1), LockRule(4, 1), LockRule(3, 1), LockRule(1, 1))
    ] == [3, 3, 2, 1, 1]


def test_a_known_code_may_go_out_once_when_the_row_is_full():
    budget = Budget(Limits(wrong_in_a_row=2))
    assert [budget.reserve("a", None, measuring=False) for _ in range(3)] == [True, True, False]
    assert budget.reserve("a", None, measuring=False, known=True)
    assert not budget.reserve("a", None, measuring=False, known=True)
    budget.right("a", measuring=False)
    assert budget.counts == {"a": (0, 2, 0)}
    assert budget.reserve("a", None, measuring=False)


def test_an_owner_can_sign_in_after_the_total_is_used_up():
    budget = Budget(Limits(wrong_per_account=3), {"a": (1, 3, 0)})
    assert not budget.reserve("a", None, measuring=False)
    assert budget.reserve("a", None, measuring=False, known=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(["wrong", "right", "unsent", "measure"]), st.sampled_from("ab")),
        max_size=80,
    )
)
def test_no_course_of_events_exceeds_the_limits(events):
    limits = Limits(wrong_in_a_row=3, wrong_per_account=6, throttle_tries=5)
    budget, sent = Budget(limits), {"a": [0, 0, 0], "b": [0, 0, 0]}
    for kind, user in events:
        measuring = kind == "measure"
        budget = Budget(limits, budget.counts)
        if not budget.reserve(user, None, measuring=measuring):
            continue
        row = sent[user]
        if kind == "right":
            budget.right(user, measuring=False)
            row[0] = 0
        elif kind == "unsent":
            budget.unsent(user, measuring=False)
        elif measuring:
            row[2] += 1
        else:
            row[0] += 1
            row[1] += 1
    for row, total, measured in sent.values():
        assert row <= 3
        assert total <= 6
        assert measured <= 5
    assert {user: tuple(three) for user, three in sent.items() if any(three)}.items() <= budget.counts.items()


@given(st.integers(1, 12), st.integers(1, 3), st.lists(st.booleans(), max_size=30))
def test_lists_never_take_the_share_of_the_controls(most, paths, tries):
    """However the tries of lists and controls are mixed, as many controls go out as there is share."""
    budget, share = Budget(Limits(wrong_per_account=most, wrong_in_a_row=100)), CONTROLS * paths
    lists = controls = 0
    for listed in tries:
        if budget.reserve("a", None, measuring=False, share=share if listed else 0):
            lists, controls = lists + listed, controls + (not listed)
    assert lists <= max(0, most - share)
    while budget.reserve("a", None, measuring=False):
        controls += 1
    assert controls >= min(most, share)
    assert lists + controls == most
