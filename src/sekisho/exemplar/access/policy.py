"""Which new passwords the owner may choose.

Yardstick: 令和6年総務省令第11号 第3条, the only place where Japanese law says what a weak code is:
shorter than eight characters, or used in attacks before, or one character repeated, or consecutive
characters, or otherwise easily guessed. This terminal asks for twelve: with the brake of `throttle`
eight would hold against guessing over the network, but a stolen flash chip is guessed without any
brake, and four characters more cost the owner one typing, once.

Nothing is demanded of the mix of letters, digits and signs: length and unusualness carry the weight,
and rules of composition drive people to `Password1!`.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

MINIMUM = 12
MAXIMUM = 128

# Passwords of the Mirai dictionary (the worm of 2016), and words on every list of common passwords.
# A new password that is one of these with digits and signs hung on it is refused as well.
ATTACKED = frozenset(
    # A paragraph of words is easier to review than 100 quoted lines.
    """xc3511 vizxv admin 888888 xmhdipc default juantech 123456 54321 root 12345 pass 1111 666666
    password 1234 klv123 klv1234 zte521 hi3518 jvbzd anko zlxx. 7ujmko0vizxv 7ujmko0admin system ikwb
    dreambox user realtek 00000000 admin1234 smcadmin 1111111 4321 meinsm support service supervisor
    guest ubnt tech mother fucker administrator admin1
    welcome letmein changeme secret login master iloveyou sunshine princess football baseball dragon
    monkey qwerty qwertyuiop asdfghjkl zxcvbnm passw0rd p@ssw0rd passphrase internet router network
    wireless wifi nippon japan tokyo sakura pasuwado himitsu aiueo""".split()  # noqa: SIM905
)

# Rows in which people walk with one finger.
ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
)


def faults(password: str, *, user: str = "", public: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return why `password` is refused, as identifiers that the pages translate; empty means accepted.

    `user` is the login name; `public` are texts that strangers can know (model, serial number, SSID …).
    Identifiers: too-short, too-long, not-text, one-character, sequential, repeated, attacked, guessable.
    """
    # duty: JP25-2c a code that strangers cannot easily guess; yardstick of 令和6年総務省令第11号 第3条
    text = unicodedata.normalize("NFKC", password)
    plain = text.casefold()
    found = []
    if len(text) < MINIMUM:
        found.append("too-short")
    if len(text) > MAXIMUM:
        found.append("too-long")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Cn"} for character in text):
        found.append("not-text")
    if len(set(plain)) == 1:
        found.append("one-character")
    elif _walks(plain):
        found.append("sequential")
    elif _repeats(plain):
        found.append("repeated")
    if plain in ATTACKED or any(_adorned(plain, word) for word in ATTACKED):
        found.append("attacked")
    if any(len(known) >= 4 and _mostly(plain, known.casefold()) for known in (user, *public)):
        found.append("guessable")
    return tuple(found)


def _adorned(plain: str, word: str) -> bool:
    """Tell whether the password is this word with nothing but digits and signs hung on it."""
    if len(word) < 4 or word not in plain:
        return False
    return not any(character.isalpha() for character in plain.replace(word, "", 1))


def _walks(plain: str) -> bool:
    """Tell whether at least three quarters of the steps go to a neighbour in one of the rows."""
    if len(plain) < 3:
        return False
    steps = {pair for row in ROWS for pair in pairwise(row)}
    taken = [(a, b) in steps or (b, a) in steps or a == b for a, b in pairwise(plain)]
    return sum(taken) * 4 >= len(taken) * 3


def _repeats(plain: str) -> bool:
    """Tell whether a short piece is repeated, or fewer than five different characters are used."""
    return len(set(plain)) < 5 or re.fullmatch(r"(.{1,6}?)\1+.{0,5}", plain) is not None


def _mostly(plain: str, known: str) -> bool:
    """Tell whether `known` is in the password and little is left without it."""
    squeezed = re.sub(r"[\W_]", "", plain)
    bare = re.sub(r"[\W_]", "", known)
    return bool(bare) and bare in squeezed and len(squeezed) - len(bare) < MINIMUM - 4
