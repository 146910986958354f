"""When a ring and its sockets disagree, and when it may just be the moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.wires.agreement import Agreement


def settled() -> Agreement:
    """The ring alone had two, before both were looked at; then nothing came for a while."""
    one = Agreement(64)
    assert [one.differs(5, 7, 7, 5) for _ in range(2)] == [0, 0]
    return one


def test_after_a_pause_one_datagram_that_only_the_sockets_had_is_noticed_at_once() -> None:
    one = settled()
    assert one.differs(105, 107, 107, 105) == 0
    assert one.differs(205, 206, 206, 205) == 1
    assert one.missed(205, 206) == 1


def test_one_that_only_the_ring_had_is_noticed_in_the_next_pause() -> None:
    one = settled()
    assert one.differs(205, 208, 208, 205) == 0
    assert one.differs(305, 308, 308, 305) == 0
    assert one.differs(305, 308, 308, 305) == -1
    assert one.missed(305, 308) == 0


def test_what_waits_in_the_ring_may_be_no_datagrams() -> None:
    one = settled()
    assert [one.differs(5, 7, 507, 5) for _ in range(3)] == [0, 0, 0]
    assert [one.differs(5, 7, 7, 5) for _ in range(2)] == [0, 0]


def test_without_a_pause_it_is_noticed_beyond_the_moment() -> None:
    one = Agreement(64)
    for number in range(20):
        assert one.differs(100 * number, 100 * number + 30, 100 * number + 40, 100 * number + 10) == 0
    assert one.differs(2100, 2074, 2074, 2100) == 66
    two = Agreement(64)
    assert two.differs(0, 0, 0, 0) == 0
    assert two.differs(100, 164, 164, 100) == 0
    assert two.differs(200, 265, 270, 200) == -65


def test_what_came_before_the_ring_stood_is_missed() -> None:
    one = Agreement(64)
    assert one.differs(9, 4, 4, 9) == 0
    assert one.missed(9, 4) == 5
    assert one.differs(9, 4, 4, 9) == 0
    assert one.missed(12, 5) == 7


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 64), st.integers(0, 64), st.booleans())),
    st.integers(0, 50),
)
def test_what_is_on_the_way_is_never_a_difference(
    looks: list[tuple[int, int, int, bool]], alone: int
) -> None:
    """The sockets get each datagram after the ring, however late: as long as no pause shows, nothing is said."""
    one = Agreement(64)
    given_ = 0
    for more, late, between, pause in looks:
        given_ += more
        seen = given_ + alone + late
        assert one.differs(given_, seen, seen, given_ + min(between, late)) == 0
        given_ += late
        assert one.missed(given_, given_ + alone) == 0
        if pause:
            for _ in range(2):
                assert one.differs(given_, given_ + alone, given_ + alone, given_) == 0
