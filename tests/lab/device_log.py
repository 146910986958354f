"""What a lab device itself wrote about logins and mappings: a witness independent of the product and of the wire.

Logs of a chroot device lie in its own memory file system, which is seen through its first process.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .machine import Machine

# Web (lighttpd), SSH (dropbear) and telnet (login by syslog) name the account of a wrong login. dropbear names no
# account that does not exist; there is nothing to lock, either.
_WRONG = {
    "lighttpd.log": re.compile(r"password doesn't match for \S+ username: (\S*) IP"),
    "dropbear.log": re.compile(r"Bad password attempt for '([^']*)'"),
    "messages": re.compile(r"login\[\d+\]: FAILED LOGIN \(\d+\).* FOR '([^']*)'"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One login attempt at the lab's own web interface: when (Unix time), whose, and what came of it.

    :ivar came: right, wrong, locked (not looked at) or crash
    """

    at: float
    user: str
    came: str


def text(machine: Machine, name: str) -> str:
    """Return a log of the running device; empty when it has none of that name."""
    pid = machine._pid()
    init = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0]
    log = Path(f"/proc/{init}/root", "run", name)
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def attempts(machine: Machine) -> list[Attempt]:
    """Return the logins at the lab's own web interface, in order."""
    return [Attempt(**json.loads(line)) for line in text(machine, "logins.log").splitlines()]


def wrong_logins(machine: Machine) -> Counter[str]:
    """Return how many logins of each account the device refused, over all of its services."""
    counted = Counter(one.user for one in attempts(machine) if one.came != "right")
    for name, pattern in _WRONG.items():
        counted.update(pattern.findall(text(machine, name)))
    return counted
