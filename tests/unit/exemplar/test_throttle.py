"""The brake: serial, parallel, from many sources, over reboots; and never against the owner."""

import ipaddress

import pytest

from sekisho.exemplar.access.throttle import FREE, LOCK_AT, REFILL, SOURCES, TOKENS, Throttle

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def throttle(model_disk, clock):
    made = Throttle(model_disk({}), clock)
    made.boot()
    return made


def guess_for(throttle, clock, source, seconds, known=None):
    """Guess as fast as the brake allows; return how many guesses were looked at."""
    end, looked = clock.now + seconds, 0
    while clock.now < end:
        if throttle.begin(source, known):
            looked += 1
        else:
            clock.now += max(throttle.wait(source, known), 0.001)
    return looked


def test_the_delay_doubles_and_ends_in_a_lock(throttle, clock):
    waits = []
    for _ in range(LOCK_AT):
        clock.now += throttle.wait(HERE, None)
        assert throttle.begin(HERE, None)
        waits.append(throttle.wait(HERE, None))
    assert waits == [0.0] * FREE + [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 900.0]


def test_a_day_of_guessing_from_one_source_and_from_many(throttle, clock):
    assert guess_for(throttle, clock, HERE, 86400) < 120
    day, looked = clock.now + 86400, 0
    number = 0
    while clock.now < day:
        number += 1
        source = str(ipaddress.ip_address(0x0A000000 + number))
        if throttle.begin(source, None):
            looked += 1
        else:
            clock.now += 1
    assert looked <= 86400 / REFILL + TOKENS


def test_twenty_at_once_are_twenty_entries(throttle):
    granted = [ticket for _ in range(20) if (ticket := throttle.begin(HERE, None))]
    assert len(granted) == FREE + 1


def test_a_second_source_shares_the_strangers_tokens(throttle):
    granted = sum(throttle.begin(f"192.0.2.{number}", None) is not None for number in range(100))
    assert granted == TOKENS


def test_a_source_is_a_whole_ipv6_network(throttle):
    granted = [one for number in range(20) if (one := throttle.begin(f"2001:db8::{number:x}", None))]
    assert len(granted) == FREE + 1
    assert throttle.begin("2001:db8:1::1", None)
    assert throttle.begin("fe80::1%eth0", None)


def test_a_reboot_makes_every_wait_begin_anew(throttle, model_disk, clock):
    for _ in range(LOCK_AT):
        clock.now += throttle.wait(HERE, None)
        throttle.begin(HERE, None)
    clock.now += 899
    disk = throttle.disk
    rebooted = Throttle(model_disk({name: disk.read(name) for name in disk.names}), clock)
    rebooted.boot()
    assert rebooted.wait(HERE, None) == pytest.approx(900)
    assert rebooted.wait(THERE, None) == 0


def test_rebooting_all_day_buys_nothing(throttle, model_disk, clock):
    looked = 0
    for _ in range(1000):
        while throttle.begin(THERE, None):
            looked += 1
        disk = throttle.disk
        throttle = Throttle(model_disk({name: disk.read(name) for name in disk.names}), clock)
        throttle.boot()
    assert looked == FREE + 1


def test_the_owner_is_never_locked_out(throttle, clock):
    for number in range(1000):
        throttle.begin(f"198.51.100.{number % 250}", None)
    assert throttle.wait("198.51.100.251", None) > 0, "strangers wait"
    assert throttle.wait("198.51.100.251", "owner's browser") == 0
    ticket = throttle.begin("198.51.100.251", "owner's browser")
    throttle.succeeded(ticket)
    assert throttle.wait("198.51.100.251", "owner's browser") == 0


def test_a_stolen_browser_token_has_a_brake_of_its_own(throttle, clock):
    assert guess_for(throttle, clock, HERE, 3600, known="stolen") < 20


def test_a_refused_request_does_not_lengthen_the_wait(throttle):
    for _ in range(FREE + 1):
        throttle.begin(HERE, None)
    before = throttle.wait(HERE, None)
    for _ in range(100):
        assert throttle.begin(HERE, None) is None
    assert throttle.wait(HERE, None) == before


def test_success_forgives_this_source_only(throttle):
    for _ in range(3):
        throttle.begin(HERE, None)
        throttle.begin(THERE, None)
    throttle.succeeded(throttle.begin(HERE, None))
    assert throttle._spent == 6
    assert [throttle.begin(HERE, None) is not None for _ in range(4)] == [True] * 4
    throttle.begin(THERE, None)
    assert throttle.begin(THERE, None) is None


def test_memory_is_bounded_and_the_worst_are_remembered(throttle, clock):
    for _ in range(LOCK_AT):
        clock.now += throttle.wait(HERE, None)
        throttle.begin(HERE, None)
    for number in range(2 * SOURCES):
        clock.now += 1
        throttle._spent = 0
        throttle.begin(str(ipaddress.ip_address(0x0A000000 + number)), None)
    assert len(throttle._buckets) <= SOURCES
    assert throttle.wait(HERE, None) > 0
