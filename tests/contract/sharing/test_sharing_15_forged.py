"""15, evidence that anybody can forge: a lone SYN, a datagram without an answer. It names nobody, however hastily it is confirmed.

From flows to the mails that leave: the detector, the cases, a person who confirms whatever there is, drafts, who it was at
that moment, and the server that takes the mail, against a ground truth.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from fakes.notices import HANAKO, Clock, by_mail, office, settings
from fakes.watched import HOUR, START, MemoryTables, answered, flow, window
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.known_cc import KnownCc
from sekisho.model import case_life
from sekisho.model.assignment import Assignment, Outcome
from sekisho.model.case import CaseState
from sekisho.model.case_folding import fold_line
from sekisho.model.case_life import Actor
from sekisho.model.detection import Grade
from sekisho.model.identity import Contact, Identified, Naming
from sekisho.model.indicator import Indicator
from sekisho.model.notice import Channel
from sekisho.model.notifying import Quiet
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.tables import ACK, RECEIVES, RST, SYN
from sekisho.ports.cases import CaseFilter, Delivery
from sekisho.stores.assignments import AssignmentStore
from sekisho.workflows.notify import approve, draft, send

LINES, SERVERS, SENT = 10_000, 500, 60
ENTRIES = tuple(
    Indicator(
        f"{IPv4Address('203.0.113.0') + number}/32", port=48101, family="mirai", source="hub", confidence=80
    )
    for number in range(SERVERS)
)
HASTY = Actor("田中 太郎", "analyst")


def server(line: int) -> str:
    return str(IPv4Address("203.0.113.0") + line % SERVERS)


def forged(line: int) -> list[dict[str, Any]]:
    """Flows that whoever writes another's address into his packets can make: nothing of them needs an answer to arrive."""
    there = server(line)
    kinds: tuple[list[dict[str, Any]], ...] = (
        [flow(line, there, 48101)],
        [flow(line, there, 48101, packets=500, octets=30_000, lasts=20.0)],
        # What the server answers to a SYN that the line never sent goes to the line, and its kernel refuses.
        [flow(line, there, 48101), flow(line, there, 48101, side=RECEIVES, flags=SYN | ACK, at=0.1),
         flow(line, there, 48101, flags=RST, at=0.2)],
        [flow(line, there, 48101), flow(line, there, 48101, side=RECEIVES, flags=RST | ACK, at=0.1)],
        [flow(line, there, 48101, protocol=17, flags=0, packets=40, octets=50_000)],
    )  # fmt: skip
    return kinds[line % len(kinds)]


@pytest.fixture(scope="module")
def found() -> dict[int, Any]:
    """What the detector says of 10,000 lines, by line: odd ones talk, even ones' addresses were forged."""
    rows = [
        row
        for line in range(LINES)
        for row in (answered(line, server(line), 48101) if line % 2 else forged(line))
    ]
    every = KnownCc(ENTRIES).detect(MemoryTables(rows, window()), window(), parameters("known_cc", {}))
    return {one.subscriber: one for one in every.detections}


def test_15_what_can_be_forged_is_never_more_than_watched(found: dict[int, Any]) -> None:
    real = [found[line] for line in range(1, LINES, 2)]
    assert {one.grade for one in real} == {Grade.CONFIRMED}, "every one that talked is found"
    false = [found[line] for line in range(0, LINES, 2) if line in found]
    assert len(false) > LINES // 4
    assert {one.grade for one in false} == {Grade.WATCH}
    assert {one.reason for one in false} <= set(KnownCc.reasons)


def test_15_no_notice_leaves_for_a_forged_line_and_each_that_does_is_for_who_it_was(
    found: dict[int, Any], tmp_path: Path
) -> None:
    dice = random.Random(15)
    made = office(
        tmp_path, Clock(START + HOUR), settings(quiet=Quiet("00:00", "00:00", weekends=False, holidays=False))
    )
    chosen = sorted(dice.sample(sorted(found), 400))
    cases = {}
    for line in chosen:
        for change in fold_line([], [found[line]], window=24 * HOUR, at=START + HOUR):
            cases[change.case.id] = change.case
            made.cases.save(change.case, change.events)
    assert len(cases) == len(chosen)
    refused = draft(sorted(cases), HANAKO, made, channel=Channel.EMAIL).refused
    assert set(refused.values()) == {"not-confirmed"}, "nobody has looked at one"
    for one in made.cases.find(CaseFilter(), limit=1000).cases:  # somebody confirms all there is
        change = case_life.step(one, CaseState.CONFIRMED, HASTY, START + HOUR)
        made.cases.save(change.case, change.events)
    drafts = draft(sorted(cases), HANAKO, made, channel=Channel.EMAIL)
    weak = {name for name, case in cases.items() if not case.subscriber % 2}
    assert drafts.refused == dict.fromkeys(weak, "too-weak")
    assert len(weak) > 100
    for one in drafts.notices[:SENT]:
        approve(one.id, one.digest, HANAKO, made)

    # Who had which address: half of the lines' addresses changed hands within the hour, some nobody had.
    label = Label((Purpose.NOTICE,), LegalBasis.CONSENT_BY_TERMS, Stage.ASSIGNMENT, START + 100 * 24 * HOUR)
    store = AssignmentStore(tmp_path / "a", lambda: START + 24 * HOUR, lambda: label)
    truth: dict[int, str] = {}
    leases = []
    for line in chosen:
        address, moment = f"{IPv4Address('192.0.2.0') + line}/32", found[line].begin
        if line % 10 == 1:
            continue  # the log has a gap here
        truth[line] = f"A-{line}"
        if line % 10 == 3:  # changed hands in that very second: it can't be told
            leases += [Assignment("B-before", address, START - HOUR, moment + 500), Assignment(truth[line], address, moment + 500, START + HOUR)]  # fmt: skip
        else:
            leases += [Assignment("B-before", address, START - 9 * HOUR, START - 60_000), Assignment(truth[line], address, START - 60_000, START + HOUR)]  # fmt: skip
    store.add(leases)

    def identify(identifier: str) -> Identified:
        line = cases[identifier].subscriber
        (answer,) = store.look_up([(str(IPv4Address("192.0.2.0") + line), 40_000, found[line].begin)])
        outcomes = {Outcome.FOUND: Naming.FOUND, Outcome.AMBIGUOUS: Naming.AMBIGUOUS}
        outcome = outcomes.get(answer.outcome, Naming.GAP)
        if outcome is not Naming.FOUND:
            assert answer.because
            return Identified(outcome, 1, identifier)
        name = answer.account
        return Identified(
            outcome,
            1,
            identifier,
            name,
            contact=Contact(name, "山田", "", f"{name.lower()}@customer.example"),
        )

    class Taken:
        def __init__(self) -> None:
            self.mails: list[tuple[str, bytes]] = []

        def deliver(self, payload: bytes, recipient: str, _identifier: str) -> Delivery:
            self.mails.append((recipient, payload))
            return Delivery("accepted", "250 ok")

    taken = Taken()
    steps = list(send(HANAKO, by_mail(identify, taken), made))
    told = [cases[one.notice.case].subscriber for one in steps if one.what == "sent"]
    assert [recipient for recipient, _ in taken.mails] == [
        f"{truth[line].lower()}@customer.example" for line in told
    ]
    assert all(line % 2 for line in told)
    resolvable = [
        cases[one.case].subscriber
        for one in drafts.notices[:SENT]
        if cases[one.case].subscriber % 10 not in {1, 3}
    ]
    assert len(told) >= 0.99 * len(resolvable) > 20
    others = {one.why for one in steps if one.what != "sent"}
    assert others == {"not-identified: gap", "not-identified: ambiguous"}
