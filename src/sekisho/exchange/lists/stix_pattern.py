"""STIX 2.1 patterns about where traffic goes to, read into addresses, ports and protocols (STIX 2.1, part 9).

Taken: comparisons of ``ipv4-addr:value``, ``ipv6-addr:value``, ``network-traffic:dst_ref.value``, ``dst_port`` and
``protocols[*]`` with ``=``, ``IN`` or ``ISSUBSET``, joined by AND and OR, and observations joined by OR. Whatever
would make the pattern narrower than what a flow can show (URLs, payload, order in time) is a fault, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<mark>!=|<>|<=|>=|[=<>\[\](),])"
    r"|(?P<path>[A-Za-z][A-Za-z0-9-]*:[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*|\.'[^']*'|\[(?:\*|\d+)\])*)"
    r"|(?P<word>[A-Za-z]+(?:'[^']*')?))"
)
_ADDRESS = {"ipv4-addr:value", "ipv6-addr:value", "network-traffic:dst_ref.value"}
_TRANSPORT = {"tcp": 6, "udp": 17, "sctp": 132}
_NETWORK = {"ipv4", "ipv6", "ip"}
_MOST = 4096
# A place takes an address, a port and a protocol; more tests than this at once can't name one.
_TESTS = 64
_LONGEST = 1 << 20
_DEEPEST = 50


class Target(NamedTuple):
    """Where a pattern points: texts as written; ``fault`` is a reason id and then the rest is empty."""

    address: str = ""
    port: str = ""
    protocol: int = 0
    fault: str = ""


class Comparison(NamedTuple):
    """One test of one property."""

    path: str
    operator: str
    value: str


class _FaultError(Exception):
    pass


# A disjunction of conjunctions.
_Choices = list[tuple[Comparison, ...]]


def targets(pattern: str) -> Iterator[Target]:
    """Yield every place a pattern points to, or the fault of a part that can't be told from flows."""
    try:
        choices = _Parser(pattern).observations()
    except _FaultError as fault:
        yield Target(fault=str(fault))
        return
    for choice in choices:
        try:
            yield _target(choice)
        except _FaultError as fault:
            yield Target(fault=str(fault))


def _target(choice: tuple[Comparison, ...]) -> Target:
    addresses, ports, protocols = set(), set(), set()
    for path, operator, value in choice:
        plain = re.sub(r"\[(?:\*|\d+)\]", "", path)
        if path in _ADDRESS and operator in {"=", "ISSUBSET"}:
            addresses.add(value)
        elif path == "network-traffic:dst_port" and operator == "=":
            ports.add(value)
        elif plain == "network-traffic:protocols" and operator == "=" and value.lower() in _TRANSPORT:
            protocols.add(_TRANSPORT[value.lower()])
        elif (plain == "network-traffic:protocols" and operator == "=" and value.lower() in _NETWORK) or (
            path == "network-traffic:dst_ref.type" and operator == "=" and value in {"ipv4-addr", "ipv6-addr"}
        ):
            continue
        elif path.split(":")[0] in {"network-traffic", "ipv4-addr", "ipv6-addr"}:
            raise _FaultError("unsupported-comparison")
        else:
            raise _FaultError("no-address" if not addresses else "unsupported-comparison")
    if not addresses:
        raise _FaultError("no-address")
    if len(addresses) > 1 or len(ports) > 1 or len(protocols) > 1:
        raise _FaultError("several-at-once")
    return Target(addresses.pop(), ports.pop() if ports else "", protocols.pop() if protocols else 0)


class _Parser:
    """Recursive descent; every step consumes a token, the depth is bounded."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > _LONGEST:
            raise _FaultError("too-complex")
        self.tokens: list[tuple[str, str]] = []
        at = 0
        text = pattern.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _FaultError("bad-pattern")
            kind = str(found.lastgroup)
            value = found[kind]
            self.tokens.append((kind, value.upper() if kind == "word" else value))
            at = found.end()
        self.at = 0
        self.depth = 0

    def observations(self) -> _Choices:
        """Read the whole pattern."""
        choices = self._observation_or()
        if self.at < len(self.tokens):
            raise _FaultError("bad-pattern")
        return choices

    def _observation_or(self) -> _Choices:
        choices = self._observation()
        while self._peek() == ("word", "OR"):
            self.at += 1
            choices = _bounded(choices + self._observation())
        return choices

    def _observation(self) -> _Choices:
        self._deeper()
        if self._take("["):
            choices = self._either()
            self._want("]")
        else:
            self._want("(")
            choices = self._observation_or()
            self._want(")")
        self.depth -= 1
        kind, word = self._peek()
        if kind == "word" and word in {"AND", "FOLLOWEDBY"}:
            raise _FaultError("several-observations")
        if kind == "word" and word.split("'")[0] in {"WITHIN", "REPEATS", "START", "STOP"}:
            raise _FaultError("qualifier")
        return choices

    def _either(self) -> _Choices:
        choices = self._both()
        while self._peek() == ("word", "OR"):
            self.at += 1
            choices = _bounded(choices + self._both())
        return choices

    def _both(self) -> _Choices:
        choices = self._test()
        while self._peek() == ("word", "AND"):
            self.at += 1
            right = self._test()
            longest = max(map(len, choices)) + max(map(len, right)) if choices and right else 0
            if len(choices) * len(right) > _MOST or longest > _TESTS:
                raise _FaultError("too-complex")
            choices = [one + other for one in choices for other in right]
        return choices

    def _test(self) -> _Choices:
        if self._take("("):
            self._deeper()
            choices = self._either()
            self._want(")")
            self.depth -= 1
            return choices
        kind, path = self._next()
        if kind != "path":
            raise _FaultError("negation" if path in {"NOT", "EXISTS"} else "bad-pattern")
        kind, operator = self._next()
        if operator in {"NOT", "!=", "<>"}:
            raise _FaultError("negation")
        if operator == "IN":
            return [(Comparison(path, "=", value),) for value in self._set()]
        if kind not in {"mark", "word"}:
            raise _FaultError("bad-pattern")
        return [(Comparison(path, operator, self._value()),)]

    def _set(self) -> list[str]:
        self._want("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._want(")")
        return values

    def _value(self) -> str:
        kind, value = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", value[1:-1])
        if kind != "number":
            raise _FaultError("bad-pattern")
        return value

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.at += 1
        return token

    def _take(self, mark: str) -> bool:
        if self._peek() != ("mark", mark):
            return False
        self.at += 1
        return True

    def _want(self, mark: str) -> None:
        if not self._take(mark):
            raise _FaultError("bad-pattern")

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _FaultError("too-complex")


def _bounded(choices: _Choices) -> _Choices:
    if len(choices) > _MOST:
        raise _FaultError("too-complex")
    return choices
