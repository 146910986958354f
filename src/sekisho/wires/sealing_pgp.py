"""OpenPGP by the gpg program of the system, where there is one: it is asked, and nothing of it is linked.

Each call has a home of its own that is gone afterwards, and starts no agent: to encrypt, no secret is needed.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path

from sekisho.model.sealing import KeyState

_KIND = "openpgp"
_SECONDS = 30
_MOST = 200_000
_BITS, _VALIDITY, _ID, _CREATED, _EXPIRES, _NAME, _USES = 2, 1, 4, 5, 6, 9, 11
_LEAST_BITS = 2048
_RSA = {"1", "2", "3", "16"}  # RSA and Elgamal, whose bits say how strong they are
_ALGORITHM = 3


def state(text: str, address: str, now: int) -> KeyState:
    """Return whether an armoured public key may be used for an address at a moment (milliseconds).

    What gpg says of its expiry is of its own clock, and asked again here by ``now``.
    """
    if "PRIVATE KEY BLOCK" in text:
        return KeyState(_KIND, reason="secret-key")
    if "PUBLIC KEY BLOCK" not in text or len(text) > _MOST:
        return KeyState(_KIND, reason="not-a-key")
    done = _asked(["--with-colons", "--show-keys"], text)
    if isinstance(done, KeyState):
        return done
    rows = [line.split(":") for line in done.decode("utf-8", "replace").splitlines()]
    keys = [row for row in rows if row[0] == "pub" and len(row) > _USES]
    if len(keys) != 1:
        return KeyState(_KIND, reason="several-keys" if keys else "not-a-key")
    name = next((row[_NAME] for row in rows if row[0] == "fpr"), "")
    reason, detail = _fault(rows, keys[0], address, now // 1000)
    ends = _moment(keys[0]) * 1000
    return KeyState(_KIND, name, ends, reason, detail)


def encrypted(inside: bytes, key: str) -> bytes | KeyState:
    """Return content encrypted to a key that `state` has found good, armoured; or why not."""
    # --trust-model: the key was given by the member to the people of the hub, who stand in for a web of trust.
    return _asked(
        ["--trust-model", "always", "--armor", "--recipient-file", "{key}", "--encrypt"], key, inside
    )


def wrapped(text: bytes) -> bytes:
    """Return encrypted text as the content of a mail with its MIME head (RFC 3156, section 4)."""
    mark = f"=_{secrets.token_hex(16)}"
    armour = b"\r\n".join(text.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n"))
    head = (
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="{mark}"\r\n\r\n'
        f"--{mark}\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        f'--{mark}\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n'
        'Content-Disposition: inline; filename="encrypted.asc"\r\n\r\n'
    )
    return head.encode() + armour + f"\r\n\r\n--{mark}--\r\n".encode()


def _fault(rows: Sequence[Sequence[str]], key: Sequence[str], address: str, now: int) -> tuple[str, str]:
    """Return why it isn't used, with a detail; two empty texts when it is."""
    if key[_VALIDITY] == "r":
        return "revoked", ""
    if key[_VALIDITY] == "e" or 0 < _moment(key) <= now:
        return "expired", key[_EXPIRES]
    if key[_VALIDITY] in {"d", "i"}:
        return "not-a-key", key[_VALIDITY]
    if int(key[_CREATED] or 0) > now:
        return "not-yet", ""
    names = {
        parseaddr(_unescaped(row[_NAME]))[1].lower()
        for row in rows
        if row[0] == "uid" and row[_VALIDITY] not in {"r", "e"}
    } - {""}
    if address.lower() not in names:
        return "wrong-address", ", ".join(sorted(names))[:200]
    able = [
        row
        for row in rows
        if row[0] in {"pub", "sub"}
        and "e" in row[_USES]
        and row[_VALIDITY] not in {"r", "e", "d", "i"}
        and not 0 < _moment(row) <= now
    ]
    if not able:
        return "cannot-encrypt", ""
    # gpg chooses among them by itself, so that none may be weak.
    weak = [row[_BITS] for row in able if row[_ALGORITHM] in _RSA and int(row[_BITS] or 0) < _LEAST_BITS]
    return ("too-weak", weak[0]) if weak else ("", "")


def _moment(row: Sequence[str]) -> int:
    """Return when a key ends, seconds; 0 for never."""
    return int(row[_EXPIRES]) if row[_EXPIRES].isdecimal() else 0


def _unescaped(text: str) -> str:
    """Return a name as it was before gpg wrote its colons in hex."""
    return text.encode("latin-1", "replace").decode("unicode_escape", "replace") if "\\x" in text else text


def _asked(words: Sequence[str], key: str, given: bytes = b"") -> bytes | KeyState:
    """Return what gpg answers; a state when it is missing or fails."""
    program = shutil.which("gpg")
    if program is None:
        return KeyState(_KIND, reason="no-gpg")
    with tempfile.TemporaryDirectory(prefix="sekisho-") as home:  # mode 0700
        file = Path(home) / "key.asc"
        file.write_text(key, "utf-8")
        usual = [
            "--homedir",
            home,
            "--no-options",
            "--batch",
            "--no-tty",
            "--no-autostart",
            "--lock-never",
            "--quiet",
        ]
        named = [str(file) if one == "{key}" else one for one in words]
        last = [] if "{key}" in words else [str(file)]
        try:
            done = subprocess.run(  # noqa: S603 - a program of the system with words of ours
                [program, *usual, *named, *last], input=given, capture_output=True, timeout=_SECONDS, check=False,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "GNUPGHOME": home},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as fault:
            return KeyState(_KIND, reason="gpg-failed", detail=type(fault).__name__)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").replace(f"{home}/", "").strip().splitlines()
        return KeyState(_KIND, reason="gpg-failed", detail=(said[-1] if said else str(done.returncode))[:200])
    return done.stdout
