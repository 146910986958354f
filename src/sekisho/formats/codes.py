"""Codes as data: the pairs that attacked, the weak-code rule of Japanese law, and derived guesses.

The pairs are those of Mirai's scanner (``mirai/bot/scanner.c``), decoded from its bytes (XOR 0x22); 62
entries, 61 different. The comments in that source are wrong in two places, so lists copied from them
differ. They are public and case-sensitive. The rule is 令和6年総務省令第11号 第3条: a good 識別符号 has
at least eight characters, was not used in attacks, and is neither one repeated character nor a run.
"""

from __future__ import annotations

from itertools import pairwise

_ROOT = [
    "xc3511",
    "vizxv",
    "admin",
    "888888",
    "xmhdipc",
    "default",
    "juantech",
    "123456",
    "54321",
    "",
    "root",
    "12345",
    "pass",
    "1111",
    "666666",
    "password",
    "1234",
    "klv123",
    "klv1234",
    "Zte521",
    "hi3518",
    "jvbzd",
    "anko",
    "zlxx.",
    "7ujMko0vizxv",
    "7ujMko0admin",
    "system",
    "ikwb",
    "dreambox",
    "user",
    "realtek",
    "00000000",
]
_ADMIN = [
    "admin",
    "password",
    "",
    "admin1234",
    "smcadmin",
    "1111",
    "1111111",
    "1234",
    "12345",
    "54321",
    "123456",
    "7ujMko0admin",
    "4321",
    "pass",
    "meinsm",
]
_OTHERS = [
    "support:support",
    "user:user",
    "service:service",
    "supervisor:supervisor",
    "guest:guest",
    "guest:12345",
    "admin1:password",
    "administrator:1234",
    "Administrator:meinsm",
    "666666:666666",
    "888888:888888",
    "ubnt:ubnt",
    "tech:tech",
    "mother:fucker",
]

MIRAI: tuple[tuple[str, str], ...] = (
    *(("root", password) for password in _ROOT),
    *(("admin", password) for password in _ADMIN),
    *((user, password) for user, _, password in (pair.partition(":") for pair in _OTHERS)),
)
"""User and password of Mirai's scanner, 61 pairs, in the order of the decoded list."""

GOOD_LENGTH = 8
_ATTACKED = frozenset(password for _, password in MIRAI)
_SHORTEST_RUN = 2


def single(code: str) -> bool:
    """Tell whether ``code`` is the same character throughout (同一の文字のみ)."""
    return len(code) > 0 and len(set(code)) == 1


def sequential(code: str) -> bool:
    """Tell whether ``code`` is one run of neighbouring characters, up or down (連続した文字のみ).

    Digits wrap around, so ``7890`` and ``2109`` are runs.
    """
    if len(code) < _SHORTEST_RUN:
        return False
    steps = {ord(after) - ord(before) for before, after in pairwise(code)}
    if steps in ({1}, {-1}):
        return True
    if not (code.isascii() and code.isdigit()):
        return False
    turns = {(int(after) - int(before)) % 10 for before, after in pairwise(code)}
    return turns in ({1}, {9})


def attacked(code: str) -> bool:
    """Tell whether ``code`` is a password that was used in attacks (the Mirai list as the seed set)."""
    return code in _ATTACKED


def listed(user: str, password: str) -> bool:
    """Tell whether exactly this pair stands in the Mirai list."""
    return (user, password) in MIRAI


def shape(user: str, password: str) -> dict[str, int | bool]:
    """Return what may be kept of a secret: its length and whether it is of a guessable kind."""
    return {
        "length": len(password),
        "single": single(password),
        "sequential": sequential(password),
        "attacked": attacked(password),
        "listed": listed(user, password),
        "derived": bool(password) and password.lower() in {user.lower(), "password"},
    }


def classes(code: str) -> int:
    """Return how many of the classes lower, upper, digit and other ``code`` draws from."""
    return sum(
        (
            any(sign.islower() for sign in code),
            any(sign.isupper() for sign in code),
            any(sign.isdigit() for sign in code),
            any(not sign.isalnum() for sign in code),
        )
    )


def derived(user: str, maker: str = "", model: str = "") -> tuple[str, ...]:
    """Return passwords that follow from the user name, maker and model, weakest first, each once."""
    words = [user, "password", "", model, maker]
    forms = [form for word in words for form in ((word, word.lower()) if word else (word,))]
    forms += [form.replace(" ", "").replace("-", "") for form in forms]
    return tuple(dict.fromkeys(forms))
