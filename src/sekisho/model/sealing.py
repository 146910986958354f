"""Whether a mail can be encrypted to somebody's key, and why not. A key that can't be used is an answer, no exception."""

from __future__ import annotations

import msgspec

from sekisho.language import Text

#: Why a key isn't used. The mail isn't sent then.
REASONS = {
    "no-key": Text(ja="鍵がない", en="there is no key"),
    "not-a-key": Text(ja="鍵として読めない", en="not a key that can be read"),
    "several-keys": Text(ja="鍵が一つではない", en="more than one key"),
    "secret-key": Text(ja="秘密鍵が渡されている（公開鍵だけを渡す）", en="a secret key was given: only the public one is wanted"),
    "expired": Text(ja="鍵の期限が切れている", en="the key is over"),
    "not-yet": Text(ja="鍵はまだ有効ではない", en="the key isn't valid yet"),
    "revoked": Text(ja="鍵は失効している", en="the key is revoked"),
    "crl-stale": Text(ja="失効リストが古い", en="the list of revoked certificates is out of date"),
    "crl-unreadable": Text(ja="失効リストを読めない", en="the list of revoked certificates can't be read"),
    "wrong-address": Text(ja="鍵はほかのアドレスのもの", en="the key is of another address"),
    "cannot-encrypt": Text(ja="暗号化に使える鍵ではない", en="a key that can't be encrypted to"),
    "too-weak": Text(ja="鍵が弱い", en="the key is too weak"),
    "no-gpg": Text(ja="gpg が入っていない", en="gpg isn't installed"),
    "gpg-failed": Text(ja="gpg が失敗した", en="gpg failed"),
}  # fmt: skip


class KeyState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key is: ``reason`` is a key of `REASONS`, empty when it can be used.

    :ivar kind: ``openpgp`` or ``smime``; empty when it is neither
    :ivar name: fingerprint (SHA-256 of a certificate)
    :ivar ends: when it ends (milliseconds); 0 for never or unknown
    """

    kind: str = ""
    name: str = ""
    ends: int = 0
    reason: str = ""
    detail: str = ""


class Sealed(msgspec.Struct, frozen=True):
    """A mail for one key: ``message`` is None when the key can't be used; ``key`` says why."""

    key: KeyState
    message: bytes | None = None
