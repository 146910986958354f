"""15. Ten thousand detections against a ground truth: nobody is named who wasn't it, and hardly anybody is missed.

Behind addresses that change hands, blocks of ports that many share, clocks that go wrong, and prefixes of IPv6. The rest
of the fifteenth test is where notices are: documents, headers, cells and XARF in ``tests/unit/reports/notices``, hold-outs
and curves in ``tests/unit/workflows/notify`` and ``tests/property/test_survival.py``.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from sekisho.formats.assignment_index import SKEW
from sekisho.model.assignment import Assignment, Outcome
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.stores.assignments import AssignmentStore

DAY, HOUR = 86_400_000, 3_600_000
BEGIN = 20_000 * DAY
COUNT = 10_000
BLOCK = 2_048  # ports of one line behind a shared address
POOL, SHARED, HOMES = 300, 20, 300


def ground(dice: random.Random) -> list[Assignment]:
    """Return who had what in one day: dynamic addresses, shared ones by blocks of ports, and prefixes."""
    made: list[Assignment] = []
    for number in range(POOL):
        at = BEGIN
        while at < BEGIN + DAY:
            end = at + dice.randrange(2 * HOUR, 9 * HOUR)
            free = dice.choice((0, 0, 5_000, 10 * 60_000))  # at times it is nobody's for a while
            who = f"line{dice.randrange(100_000)}"
            made.append(Assignment(who, f"{IPv4Address('192.0.2.0') + number}/32", at, end, source="lease"))
            at = end + free
    for number in range(SHARED):
        for block in range(1, 32):
            at = BEGIN
            while at < BEGIN + DAY:
                end = at + dice.randrange(HOUR, 6 * HOUR)
                ports = (block * BLOCK, (block + 1) * BLOCK - 1)
                network = f"{IPv4Address('198.51.100.0') + number}/32"
                made.append(Assignment(f"shared{dice.randrange(100_000)}", network, at, end, *ports, "cgn"))
                at = end
    for number in range(HOMES):
        network = f"{IPv6Address('2001:db8::') + (number << 72)}/56"
        made.append(Assignment(f"home{number}", network, BEGIN, BEGIN + DAY, source="dhcp6"))
    return made


def test_nobody_is_named_who_was_not_it(tmp_path: Path) -> None:
    dice = random.Random(15)
    truth = ground(dice)
    label = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.ASSIGNMENT, BEGIN + 100 * DAY)
    store = AssignmentStore(tmp_path / "a", lambda: BEGIN + DAY, lambda: label)
    store.add(truth)
    asked: list[tuple[str, int, int]] = []
    real: list[tuple[str, bool]] = []  # who it was, and whether that can be told at all
    for _ in range(COUNT):
        one = dice.choice(truth)
        moment = dice.randrange(one.begin, one.end)
        skewed = moment + dice.randrange(-SKEW, SKEW + 1)
        host = int(IPv6Address(one.network.split("/")[0])) + dice.getrandbits(72) if ":" in one.network else 0
        address = str(IPv6Address(host)) if host else one.network.split("/")[0]
        shared = one.port_end != 65_535 or one.port_begin
        told = not shared or dice.random() > 0.1  # a tenth comes without its port
        port = dice.randrange(one.port_begin, one.port_end + 1) if told else 0
        asked.append((address, port, skewed))
        near = min(skewed - one.begin, one.end - skewed) <= SKEW and ":" not in one.network
        real.append((one.account, told and not near))
    answers = list(store.look_up(asked))
    assert len(answers) == COUNT
    wrong = [
        pair
        for pair in zip(answers, real, strict=True)
        if pair[0].outcome is Outcome.FOUND and pair[0].account != pair[1][0]
    ]
    assert wrong == []
    clear = [(answer, who) for answer, (who, can) in zip(answers, real, strict=True) if can]
    found = sum(answer.account == who for answer, who in clear)
    assert len(clear) > COUNT * 0.85
    assert found >= 0.99 * len(clear)
    # What isn't told says why, and without its port a shared address names nobody.
    portless = [
        answer
        for answer, (address, port, _) in zip(answers, asked, strict=True)
        if address.startswith("198.51.100.") and not port
    ]
    assert len(portless) > 300
    assert {answer.outcome for answer in portless} == {Outcome.AMBIGUOUS}
    assert all(answer.because for answer in answers if answer.outcome is not Outcome.FOUND)
