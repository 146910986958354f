"""Texts that are patterns of STIX 2.1, and texts that nearly are."""

import random

GOOD = (
    "[ipv4-addr:value = '198.51.100.7']",
    "[ipv4-addr:value='198.51.100.7' AND network-traffic:dst_port = 23]",
    "  [ a:b == 1 ]  ",
    "[a:b = 1] AND [c:d != 'x']",
    "[a:b = 1] FOLLOWEDBY [c:d <> 'x'] WITHIN 2.5 SECONDS",
    "([a:b = 1] OR [c:d > 1.5]) REPEATS 3 TIMES",
    "[a:b = 1] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00.5Z'",
    "[a:b IN ('x', 2, true)]",
    "[a:b IN ()]",
    "[a:b[*].c LIKE '%x']",
    "[a:b[0].'c d' MATCHES '^x']",
    "[a:b NOT IN (1,2)]",
    "[a:b NOT = 1]",
    "[a:b ISSUBSET '192.0.2.0/24' OR a:b ISSUPERSET '192.0.2.0/24']",
    "[EXISTS a:b AND NOT EXISTS a:c]",
    "[(a:b = -1 OR a:c <= +2) AND a:d >= -.5]",
    "[a:b = h'0aff' OR a:b = b'AAAA']",
    r"[a:b = 'it\'s \\']",
    "[a:b='x']OR[a:c='y'] /* why */ // end",
    "[x-own:b_1.'SHA-256' = 'é']",
)
BAD = (
    "",
    "[]",
    "a:b = 1",
    "[a:b]",
    "[a:b = 1",
    "[a:b = 1]]",
    "[[a:b = 1]]",
    "[a:b = 1 AND]",
    "[a:b = 1] AND",
    "[a:b = 'x' and a:c = 1]",
    "[NOT a:b = 1]",
    "[a:b > true]",
    "[a:b = TRUE]",
    "[a:b = null]",
    "[a:b = 05]",
    "[a:b = 5.]",
    '[a:b = "x"]',
    r"[a:b = 'x\y']",
    "[a:b LIKE 5]",
    "[a:b IN 'x']",
    "[a:b IN ('x',)]",
    "[1a:b = 1]",
    "[a:c-d = 1]",
    "[AND:b = 1]",
    "[a:IN = 1]",
    "[a:b[-1] = 1]",
    "[a:b = h'0af']",
    "[a:b = b'A']",
    "[a:b = t'2026-13-21T00:00:00Z']",
    "[a:b = t'2026-11-21T00:00:00']",
    "[a:b = 1] START 5 STOP 6",
    "[a:b = 1] WITHIN -2 SECONDS",
    "[a:b = 1] REPEATS 1.5 TIMES",
    "[a:b = 1] WITHIN 5 SECONDS WITHIN 6 SECONDS",
)
_BITS = (
    "'", "[", "]", "(", ")", " AND ", " OR ", " NOT ", "=", "!=", "1", "'x'", ":", "a:b", ".", "-", "\\", " ", "[*]", "*",
    " IN ", " LIKE ", "EXISTS ", " FOLLOWEDBY ", " WITHIN 5 SECONDS", " START ", ",", "t'2026-11-21T00:00:00Z'",
)  # fmt: skip


def nearly(count: int, chance: random.Random) -> list[str]:
    """Return texts that differ a little from good ones."""
    made = []
    for _ in range(count):
        text = chance.choice(GOOD)
        for _ in range(chance.randint(1, 2)):
            begin = chance.randint(0, len(text))
            end = min(len(text), begin + chance.choice((0, 0, 1, 2, 4)))
            text = text[:begin] + chance.choice((*_BITS, "")) + text[end:]
        made.append(text)
    return made
