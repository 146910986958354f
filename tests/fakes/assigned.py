"""Assignments in a list, weighed the plain way, for tests of what comes behind the look-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from sekisho.model.assignment import Answer, Assignment, Outcome


class PlainAssignments:
    """`Assignments` by looking at each; ``asked`` keeps the questions."""

    def __init__(self, *held: Assignment) -> None:
        self.held = list(held)
        self.asked: list[tuple[str, int, int]] = []

    def add(self, assignments: Iterable[Assignment]) -> int:
        before = len(self.held)
        self.held += assignments
        return len(self.held) - before

    def look_up(self, asked: Sequence[tuple[str, int, int]]) -> Iterator[Answer]:
        for address, port, at in asked:
            self.asked.append((address, port, at))
            there = [one for one in self.held if ip_address(address) in ip_network(one.network)]
            then = [
                one
                for one in there
                if one.begin <= at < (one.end or 1 << 62)
                and (port == 0 or one.port_begin <= port <= one.port_end)
            ]
            accounts = {one.account for one in then}
            if len(accounts) == 1:
                yield Answer(Outcome.FOUND, accounts.pop(), tuple(then))
            elif accounts:
                yield Answer(Outcome.AMBIGUOUS, "", tuple(then))
            else:
                yield Answer(Outcome.GAP if there else Outcome.NO_DATA)
