"""A parser of the part of Suricata's rule language that Sekisho writes, because Debian 12 has no Suricata.

What it checks: the header (action, protocol, two ends, direction, ports), an option list that ends where it must, quotes
and escapes, keywords out of a small set with or without a value, msg, sid and rev exactly once, sid in the range for
local use. What it doesn't: whether Suricata would load or match it (keyword order, protocol detection, variables).
"""

from __future__ import annotations

import re

_HEADER = re.compile(
    r"(?P<action>alert|drop|reject|pass) (?P<protocol>http|tcp|udp) any any -> (?P<home>\$HOME_NET) (?P<port>\d{1,5}) \((?P<options>.*)\)"
)
VALUED = {"msg", "flow", "content", "reference", "classtype", "sid", "rev"}
BARE = {"http.uri", "startswith", "nocase"}
QUOTED = {"msg", "content"}


class Wrong(ValueError):
    """The line is no rule of that language."""


def parse(line: str) -> dict[str, list[str]]:
    """Return the options by keyword, header fields too."""
    found = _HEADER.fullmatch(line)
    if not found:
        raise Wrong(line)
    if not 0 < int(found["port"]) < 1 << 16:
        raise Wrong(found["port"])
    options: dict[str, list[str]] = {name: [found[name]] for name in ("action", "protocol", "port")}
    for part in _split(found["options"]):
        name, colon, value = part.partition(":")
        if name not in (VALUED if colon else BARE):
            raise Wrong(part)
        if (name in QUOTED) != (value[:1] == '"'):
            raise Wrong(part)
        if name in QUOTED:
            inner = value[1:-1]
            if value[-1:] != '"' or re.search(r'(?<!\\)["|]', inner):
                raise Wrong(part)
            value = inner
        options.setdefault(name, []).append(value)
    for name in ("msg", "sid", "rev"):
        if len(options.get(name, ())) != 1:
            raise Wrong(f"{name}: {options.get(name)}")
    if not 1_000_000 <= int(options["sid"][0]) < 2_000_000:
        raise Wrong(options["sid"][0])
    return options


def _split(text: str) -> list[str]:
    """Cut at semicolons outside of quotes; the last option ends with one, too."""
    parts, here, quoted, escaped = [], "", False, False
    for sign in text:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif sign == ";" and not quoted:
            parts.append(here.strip())
            here = ""
            continue
        here += sign
    if here.strip() or quoted or escaped:
        raise Wrong(text)
    return parts
