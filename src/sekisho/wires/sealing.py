"""Mails encrypted to the recipient's key: S/MIME (RFC 8551) by cryptography, OpenPGP (RFC 3156) by the gpg of the system.

The subject goes inside (RFC 9788) and a word that says nothing stands outside. Whatever is wrong with the key is said
in the answer; there is no way from here to a mail in clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path

from sekisho.model.sealing import KeyState, Sealed
from sekisho.wires import sealing_pgp, sealing_smime

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_OUTSIDE = ("From", "To", "Date", "Message-ID", "Auto-Submitted")
_SUBJECT = "[...]"  # what RFC 9788 puts in its place
_OPENPGP = "-----BEGIN PGP "
_SMIME = "-----BEGIN CERTIFICATE-----"


def key_state(key: str, address: str, now: int, revoked: Sequence[Path] = ()) -> KeyState:
    """Return whether mails to an address can be encrypted to a key in its text form at a moment (milliseconds).

    :param revoked: lists of revoked certificates (PEM or DER); of S/MIME alone
    """
    text = key.strip()
    if not text:
        return KeyState(reason="no-key")
    if _OPENPGP in text:
        return sealing_pgp.state(text, address, now)
    if _SMIME in text:
        return sealing_smime.state(text, address, now, revoked)
    return KeyState(reason="not-a-key")


def seal(message: bytes, key: str, address: str, now: int, revoked: Sequence[Path] = ()) -> Sealed:
    """Return a mail (RFC 5322) encrypted to a key, or why not."""
    state = key_state(key, address, now, revoked)
    if state.reason:
        return Sealed(state)
    said = BytesParser(policy=_POLICY).parsebytes(message)
    inside = _inside(said)
    if state.kind == "smime":
        return Sealed(state, _with_head(said, sealing_smime.encrypted(inside, key)))
    text = sealing_pgp.encrypted(inside, key)
    if isinstance(text, KeyState):
        return Sealed(text)
    return Sealed(state, _with_head(said, sealing_pgp.wrapped(text)))


def _inside(said: EmailMessage) -> bytes:
    """Return what is encrypted: the content with the subject."""
    made = EmailMessage(policy=_POLICY)
    made.set_content(said.get_content(), subtype="plain", charset="utf-8", cte="base64")
    made.set_param("hp", "cipher")
    made.set_param("protected-headers", "v1")
    made["Subject"] = str(said["Subject"])
    return made.as_bytes()


def _with_head(said: EmailMessage, content: bytes) -> bytes:
    """Return encrypted content under the head of a mail."""
    head = EmailMessage(policy=_POLICY)
    for name in _OUTSIDE:
        if name in ("From", "To"):
            head[name] = [Address(one.display_name, addr_spec=one.addr_spec) for one in said[name].addresses]
        elif said[name]:
            head[name] = str(said[name])
    head["Subject"] = _SUBJECT
    return head.as_bytes().rstrip(b"\r\n") + b"\r\n" + content
