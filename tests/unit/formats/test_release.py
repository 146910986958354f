"""A release is believed only whole, unaltered, and signed by a key that is trusted."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.release import ReleaseError, compose, order, read_head, read_release


def pair(kind=Ed25519PrivateKey):
    key = kind.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


MAKER, OTHER = pair(), pair()
WHEEL = bytes(range(256)) * 4
SIGNED = compose("sekisho", "0.2.0", WHEEL, MAKER[0])


def reason(content, *keys, read=read_release):
    with pytest.raises(ReleaseError) as caught:
        read(content, keys or [MAKER[1]])
    return str(caught.value)


def test_what_was_signed_comes_out():
    told, wheel = read_release(SIGNED, [OTHER[1], MAKER[1]])
    assert (told.name, told.version, told.size, wheel) == ("sekisho", "0.2.0", len(WHEEL), WHEEL)
    assert read_head(SIGNED[: -len(WHEEL)], [MAKER[1]])[0] == told, "the notice is the head alone"


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_no_bit_can_be_changed(place, bit):
    changed = bytearray(SIGNED)
    changed[place] ^= 1 << bit
    assert reason(bytes(changed)) in {"not-a-release", "signature", "altered"}


@given(st.integers(0, len(SIGNED) - 1))
def test_nothing_can_be_left_off(length):
    assert reason(SIGNED[:length]) in {"not-a-release", "incomplete"}


def test_nothing_can_be_added():
    assert reason(SIGNED + b"x") == "altered"


def test_only_trusted_keys_count():
    assert reason(SIGNED, OTHER[1]) == "signature"
    assert reason(compose("sekisho", "0.2.0", WHEEL, OTHER[0])) == "signature"
    lines = SIGNED.split(b"\n", 3)
    assert reason(b"\n".join([*lines[:2], b"", lines[3]])) == "signature", "no signature at all"
    with pytest.raises(ReleaseError):
        read_release(SIGNED, [])


@pytest.mark.parametrize("key", [b"", b"-----BEGIN", pair(X25519PrivateKey)[1]])
def test_a_key_that_is_none(key):
    assert reason(SIGNED, key) == "key"


def test_a_private_key_that_is_none():
    for private in (b"", pair(X25519PrivateKey)[0]):
        with pytest.raises(ReleaseError):
            compose("sekisho", "1", WHEEL, private)


def test_versions_have_an_order():
    assert order("0.10") > order("0.9.9")
    assert order("1.0.0") == order("1")
    assert order("9.9.1") > order("0.1.0")
    for odd in ("", "1.", "1.0rc1", "../1", "1-2", "١"):
        with pytest.raises(ReleaseError):
            order(odd)
