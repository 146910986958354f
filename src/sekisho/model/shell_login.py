"""Shells over the network: where they may be offered, and in which order codes are tried there.

The probes of telnet and SSH ask the same questions of two protocols and may not import one another; what
they share is pure and lives here and in `shell_facts`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sekisho.model.terminal import Code, Interface, Login, Terminal
from sekisho.model.verdict import Scalar

PUBLIC = frozenset({"mirai", "weak"})
# Sent to `walk` instead of an outcome: the time for lists is over and the guess was not sent.
LATE: Mapping[str, Any] = {"sign_in_failure": "time"}
_USERS = ("root", "admin")
_SHUT = frozenset({"refused", "reset"})
# No longer taken or answered after it had worked: a lock, or a death. Which of them, liveness tells.
_CLOSED = _SHUT | {"closed", "timed-out"}


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port of an interface where a shell may answer.

    ``name`` is its declared login's name (with ``at`` and the interface when reached through another one), or
    made of the place. ``base`` is the declared login whose codes are tried, or empty.
    """

    name: str
    interface: str
    role: str
    address: str
    port: int
    source: str
    device: str
    service: str
    declared: bool
    base: str
    login: Login

    @property
    def attributes(self) -> dict[str, Scalar]:
        """What every fact about this door says of it."""
        return {
            "interface": self.interface,
            "role": self.role,
            "address": self.address,
            "port": self.port,
            "transport": "tcp",
            "service": self.service,
            "declared": self.declared,
        }


class Guess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code to try: ``step`` names it in the evidence, ``origin`` says where it comes from."""

    step: str
    origin: str
    user: str
    password: str

    @property
    def shown(self) -> str:
        """The pair itself when it is public; secrets are never shown."""
        return f"{self.user}:{self.password}" if self.origin in PUBLIC else ""


def doors(
    terminal: Terminal, protocol: str, usual: Sequence[int], found: Iterable[tuple[str, int]] = ()
) -> tuple[Door, ...]:
    """Return every place to look: usual, declared and found ports, at each address of each interface.

    ``found`` are address and port of open ports that belong to no declared service. What the description excludes
    is left alone, a usual port too.
    """
    declared = {one.port for one in terminal.services if one.protocol == protocol and one.transport == "tcp"}
    other = {one.port for one in terminal.services if one.protocol != protocol and one.transport == "tcp"}
    wanted = list(dict.fromkeys((*sorted(declared), *(port for port in usual if port not in other))))
    wanted = [port for port in wanted if not terminal.excludes("tcp", port)]
    open_ports = {(address, port) for address, port in found if not terminal.excludes("tcp", port)}
    places: list[Door] = []
    for interface in terminal.interfaces:
        for address in interface.addresses:
            odd = sorted(port for at, port in open_ports if at == address and port not in {*wanted, *other})
            places += [_door(terminal, protocol, interface, address, port) for port in (*wanted, *odd)]
    return tuple(places)


def _door(terminal: Terminal, protocol: str, interface: Interface, address: str, port: int) -> Door:
    service = next(
        (
            one
            for one in terminal.services
            if one.protocol == protocol and one.port == port and one.interface == interface.name
        ),
        None,
    )
    of_kind = [one for one in terminal.logins if one.kind == protocol]
    ports = {one.name: (one.protocol, one.port) for one in terminal.services}
    base = next((one for one in of_kind if service is not None and one.service == service.name), None)
    name = base.name if base is not None else f"{protocol} {interface.name} tcp/{port}"
    if base is None:
        base = next((one for one in of_kind if ports.get(one.service) == (protocol, port)), None)
        name = f"{base.name} at {interface.name}" if base is not None else name
    base = base or next(iter(of_kind), None) or Login("", "", protocol)
    shown = f"[{address}]" if ":" in address else address
    rules = [one.lock for one in terminal.logins if one.lock is not None]
    lock = base.lock or min(rules, key=lambda rule: rule.tries, default=None)
    at = f"{protocol}://{shown}:{port}"
    family = [own for own in interface.sources if (":" in own) == (":" in address)]
    return Door(
        name=name,
        interface=interface.name,
        role=interface.role.value,
        address=address,
        port=port,
        source=family[0] if family else "",
        device=interface.device,
        service=service.name if service is not None else "",
        declared=service is not None,
        base=base.name,
        login=msgspec.structs.replace(base, name=name, service=at, kind=protocol, lock=lock),
    )


def right_code(door: Door) -> Code | None:
    """Return the code that the description says works now: current, else preset."""
    return door.login.current or door.login.preset


def declared_guesses(terminal: Terminal, door: Door, nonsense: str) -> tuple[Guess, ...]:
    """Return the tries that come before any list: right, nonsense, and every code of the description.

    The nonsense code is tried for a known user and for a user that nobody has.
    """
    right = _right(door)
    user = right.user if right is not None else _USERS[0]
    found = [msgspec.structs.replace(right, step="right before")] if right is not None else []
    found += [
        Guess("random", "random", user, nonsense),
        Guess("random user", "random", nonsense[-8:], nonsense),
    ]
    seen = {(one.user, one.password) for one in found}
    own = [("preset", door.login.preset), ("low", door.login.low)]
    own += [
        (f"declared {other.name}", code)
        for other in terminal.logins
        for code in (other.preset, other.current)
    ]
    for where, code in own:
        if code is None or (code.user, _word(code)) in seen:
            continue
        seen.add((code.user, _word(code)))
        found.append(Guess(where, where.partition(" ")[0], code.user, _word(code)))
    return tuple(found)


def public_guesses(
    pairs: Iterable[tuple[str, str]], weak: Iterable[tuple[str, str]], known: Iterable[Guess]
) -> tuple[Guess, ...]:
    """Return the lists: the pairs that attacked, then weak derived ones; nothing twice."""
    seen = {(one.user, one.password) for one in known}
    found: list[Guess] = []
    for origin, several in (("mirai", pairs), ("weak", weak)):
        for user, password in several:
            if (user, password) not in seen:
                seen.add((user, password))
                found.append(Guess(f"{origin} {len(found) + 1:02d}", origin, user, password))
    return tuple(found)


def allowed_row(door: Door, most: int) -> int:
    """Return how many wrong logins may follow one another: ``most``, or two less than a declared lock."""
    return min(most, max(1, door.login.lock.tries - 2)) if door.login.lock is not None else most


def users(door: Door) -> tuple[str, ...]:
    """Return the user names whose derived codes are tried: the declared ones, else root and admin."""
    codes = (door.login.current, door.login.preset, door.login.low)
    known = tuple(dict.fromkeys(code.user for code in codes if code is not None and code.user))
    return known or _USERS


def about(door: Door, code: str) -> dict[str, Any]:
    """Return what every record of a try at ``door`` begins with; ``code`` is the origin word."""
    return {"login": door.name, "base": door.base, "door": door.attributes, "code": code}


def told(
    door: Door, guess: Guess, answer: Mapping[str, Any], shape: Mapping[str, int | bool]
) -> dict[str, Any]:
    """Return the record of one try: ``answer`` is how signing in ended, ``shape`` what may be kept of the code."""
    data = {
        **about(door, guess.origin),
        "accepted": answer["accepted"],
        "proof": answer["proof"],
        "answer_seconds": round(answer["seconds"], 4),
        "prompted": answer["prompted"],
        "locked": answer["locked"],
        "sign_in_failure": answer["failure"],
        "said": answer["reply"]["excerpt"],
    }
    if guess.origin not in {"none", "random"}:
        data |= {"user": guess.user, "shown": guess.shown, **shape}
    return data


def unreached(door: Door, reason: str) -> dict[str, Any]:
    """Return the record of a door that took no connection: an answer to whether it is offered, no failed step."""
    speaks = False if reason in _SHUT else None
    return {"door": door.attributes, "speaks": speaks, "said": "", "ended": reason, "bytes": 0}


def _word(code: Code) -> str:
    return code.password if isinstance(code.password, str) else ""


class Round(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the lists ended: tries made, guesses skipped and why (open, nonsense-accepted, budget, time, locked, shut).

    ``skipped`` counts pairs of the attack list for the login's own users, ``weak`` their derived codes, and
    ``foreign`` the guesses for users that nobody declared.
    """

    tried: int
    skipped: int
    weak: int
    foreign: int
    why: str
    budget: bool
    locked: bool

    @property
    def whole(self) -> bool:
        """Whether nothing was left out that should have been tried."""
        return not self.locked and not (self.budget and (self.skipped or self.weak))


Walk = Generator[Guess, Mapping[str, Any], Round]


def walk(door: Door, known: Sequence[Guess], lists: Sequence[Guess], row: int) -> Walk:
    """Yield the tries at one door in order; take what each brought (``accepted`` and so on); return the end.

    First without a code, then what the description knows, then the lists. A right login, when one is known,
    follows each ``row`` wrong ones, whoever's they were: many terminals count per source, not per account. A
    user whose budget is used up is left alone, a lock ends all, and so does `LATE`; own users come first. Where
    no code or nonsense opens the door, the lists are pointless and left out.
    """
    anonymous = yield Guess("none", "none", "", "")
    why = "open" if anonymous.get("accepted") else ""
    steps = _Steps(_right(door), row)
    for guess in known:
        data = yield from steps.one(guess)
        if guess.origin == "random" and data.get("accepted"):
            why = why or "nonsense-accepted"
    own, spent = users(door), set[str]()
    left: list[Guess] = []
    tried, locked, shut, late = 0, False, False, False
    for guess in sorted(lists, key=lambda one: one.user not in own) if not why else ():
        if locked or shut or late or guess.user in spent:
            left.append(guess)
            continue
        data = yield from steps.one(guess)
        if data.get("sign_in_failure") == "budget":
            spent.add(guess.user)
            left.append(guess)
            continue
        if data is LATE:
            late = True
            left.append(guess)
            continue
        tried += 1
        locked = bool(data.get("locked"))
        shut = steps.worked and data.get("sign_in_failure") in _CLOSED
    if steps.right is not None:
        yield msgspec.structs.replace(steps.right, step="right after")
    left = list(lists) if why else left
    mine = [one.origin for one in left if one.user in own]
    return Round(
        tried=tried,
        skipped=mine.count("mirai"),
        weak=mine.count("weak"),
        foreign=len(left) - len(mine),
        why=why
        or ("locked" if locked else "shut" if shut else "time" if late else "budget" if spent else ""),
        budget=bool(spent) or late,
        locked=locked or shut,
    )


class _Steps:
    """Single tries with a right login before the row of wrong ones gets too long."""

    def __init__(self, right: Guess | None, row: int) -> None:
        self.right, self._row = right, max(1, row)
        self._wrong = 0
        self.worked = False

    def one(self, guess: Guess) -> Generator[Guess, Mapping[str, Any], Mapping[str, Any]]:
        right = self.right
        if right is not None and self._wrong >= self._row and guess.password != right.password:
            reset = yield msgspec.structs.replace(right, step=f"right for {guess.step}")
            if reset.get("accepted"):
                self._wrong = 0
        data = yield guess
        self.worked = self.worked or data.get("accepted") is not None
        if data.get("accepted"):
            self._wrong = 0
        elif data.get("sign_in_failure") not in {"budget", "time"}:
            self._wrong += 1
        return data


def _right(door: Door) -> Guess | None:
    code = right_code(door)
    if code is None:
        return None
    origin = "preset" if code == door.login.preset else "current"
    return Guess("right", origin, code.user, _word(code))
