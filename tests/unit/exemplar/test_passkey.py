"""Passkeys against a software authenticator, and every way in which an answer can be wrong."""

import asyncio
import hashlib
import json
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.exemplar.access.caller import Caller, Refused
from sekisho.exemplar.access.passkey import (
    LIFETIME,
    Challenges,
    PasskeyError,
    RelyingParty,
    decode,
    encode,
)
from sekisho.exemplar.access.sessions import Stage

ORIGIN = "http://localhost:8080"


class Authenticator:
    """A software authenticator: makes what a browser would hand over. `lies` replace parts of the truth."""

    def __init__(self, kind="ES256"):
        self.key = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "P384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "RSA": lambda: rsa.generate_private_key(65537, 2048),
        }[kind]()
        self.id = b"credential-0001!"
        self.count = 0

    def data(self, *, attested, **lies):
        self.count += 1
        rp = hashlib.sha256(lies.get("rp", "localhost").encode()).digest()
        flags = lies.get("flags", 0x05 | (0x40 if attested else 0))
        head = rp + bytes([flags]) + struct.pack(">I", lies.get("count", self.count))
        if not attested:
            return head
        return head + bytes(16) + struct.pack(">H", len(self.id)) + self.id + self.cose()

    def cose(self):
        public = self.key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + public.public_bytes(
                Encoding.Raw, PublicFormat.Raw
            )
        if isinstance(public, rsa.RSAPublicKey):
            return b""
        size = (public.curve.key_size + 7) // 8
        numbers = public.public_numbers()
        x, y = (value.to_bytes(size, "big") for value in (numbers.x, numbers.y))
        return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y

    @staticmethod
    def client(purpose, challenge, **lies):
        client = {"type": lies.get("type", f"webauthn.{purpose}"), "challenge": challenge}
        client |= {"origin": lies.get("origin", ORIGIN), "crossOrigin": lies.get("cross", False)}
        return json.dumps(client).encode()

    def create(self, challenge, **lies):
        spki = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            "id": encode(lies.get("id", self.id)),
            "clientDataJSON": encode(self.client("create", challenge, **lies)),
            "authenticatorData": encode(self.data(attested=True, **lies)),
            "publicKey": encode(lies.get("spki", spki)),
        }

    def get(self, challenge, **lies):
        client, data = self.client("get", challenge, **lies), self.data(attested=False, **lies)
        signed = data + hashlib.sha256(client).digest()
        key = lies.get("key", self.key)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            signature = key.sign(signed)
        else:
            signature = key.sign(signed, ec.ECDSA(SHA256()))
        return {
            "id": encode(lies.get("id", self.id)),
            "clientDataJSON": encode(client),
            "authenticatorData": encode(data),
            "signature": encode(signature),
        }


@pytest.fixture
def site(clock):
    return RelyingParty("localhost", (ORIGIN,), Challenges(clock))


@pytest.fixture(params=["ES256", "EdDSA"])
def authenticator(request):
    return Authenticator(request.param)


def test_register_and_sign_in_again_and_again(site, authenticator):
    passkey = site.register(authenticator.create(site.challenges.draw("create")), ())
    for _ in range(3):
        used = site.verify(authenticator.get(site.challenges.draw("get")), [passkey])
        assert used["count"] == passkey["count"] + 1
        passkey = used


def test_an_authenticator_without_counter(site, authenticator):
    passkey = site.register(authenticator.create(site.challenges.draw("create"), count=0), ())
    for _ in range(2):
        assert site.verify(authenticator.get(site.challenges.draw("get"), count=0), [passkey])["count"] == 0


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"type": "webauthn.create"}, "another type"),
        ({"origin": "http://evil.example"}, "another origin"),
        ({"origin": "http://localhost:9999"}, "another origin"),
        ({"cross": True}, "another origin"),
        ({"rp": "evil.example"}, "another site"),
        ({"flags": 0x04}, "not verified"),
        ({"flags": 0x01}, "not verified"),
        ({"count": 1}, "counter went back"),
        ({"id": b"somebody else's!"}, "unknown passkey"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "signature is wrong"),
    ],
)
def test_a_wrong_assertion(site, lies, why):
    authenticator = Authenticator()
    passkey = site.register(authenticator.create(site.challenges.draw("create")), ())
    challenge = site.challenges.draw("get")
    with pytest.raises(PasskeyError, match=why):
        site.verify(authenticator.get(challenge, **lies), [passkey])
    assert site.verify(authenticator.get(challenge), [passkey]), "the control: the true answer still opens"


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"type": "webauthn.get"}, "another type"),
        ({"origin": "http://evil.example"}, "another origin"),
        ({"rp": "evil.example"}, "another site"),
        ({"flags": 0x41}, "not verified"),
        ({"flags": 0x05}, "no credential"),
        ({"id": b"another id here!"}, "id differs"),
        ({"spki": b"nonsense"}, "cannot be read"),
        (
            {
                "spki": ec.generate_private_key(ec.SECP256R1())
                .public_key()
                .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            },
            "key differs",
        ),
    ],
)
def test_a_wrong_registration(site, lies, why):
    authenticator = Authenticator()
    challenge = site.challenges.draw("create")
    with pytest.raises(PasskeyError, match=why):
        site.register(authenticator.create(challenge, **lies), ())
    assert site.register(authenticator.create(challenge), ())


@pytest.mark.parametrize("kind", ["P384", "RSA"])
def test_other_algorithms_are_refused(site, kind):
    with pytest.raises(PasskeyError, match="only ES256"):
        site.register(Authenticator(kind).create(site.challenges.draw("create")), ())


def test_the_same_passkey_twice(site, authenticator):
    first = site.register(authenticator.create(site.challenges.draw("create")), ())
    with pytest.raises(PasskeyError, match="already"):
        site.register(authenticator.create(site.challenges.draw("create")), {first["id"]})


def test_a_replayed_answer(site, authenticator):
    passkey = site.register(authenticator.create(site.challenges.draw("create")), ())
    answer = authenticator.get(site.challenges.draw("get"))
    site.verify(answer, [passkey])
    with pytest.raises(PasskeyError, match="used before"):
        site.verify(answer, [passkey])


def test_challenges_expire_and_are_for_one_purpose_and_one_boot(site, authenticator, clock):
    passkey = site.register(authenticator.create(site.challenges.draw("create")), ())
    late = site.challenges.draw("get")
    clock.now += LIFETIME + 1
    for challenge in (late, site.challenges.draw("create"), Challenges(clock).draw("get"), "AAAA", ""):
        with pytest.raises(PasskeyError, match=r"expired|not ours"):
            site.verify(authenticator.get(challenge), [passkey])


@pytest.mark.parametrize("name", ["clientDataJSON", "authenticatorData", "signature", "id"])
@pytest.mark.parametrize("junk", [None, 7, "", "!", "AAAA", "A" * 9000, "W10"])
def test_junk_is_refused_not_raised_through(site, name, junk):
    authenticator = Authenticator()
    passkey = site.register(authenticator.create(site.challenges.draw("create")), ())
    answer = {**authenticator.get(site.challenges.draw("get")), name: junk}
    with pytest.raises(PasskeyError):
        site.verify(answer, [passkey])


def test_base64url_round_trip():
    for size in range(6):
        assert decode(encode(bytes(range(250, 250 + size)))) == bytes(range(250, 250 + size))


def test_the_owner_signs_in_by_passkey_while_an_attack_holds_the_brake(terminal_on, maker):
    terminal = terminal_on(maker.unit())
    owner = Caller("192.0.2.1")

    async def claim():
        entry = await terminal.sign_in("admin", "ABCD-EFGH-JKMN", owner)
        await terminal.choose_first_password("tsuki no kirei na yoru", Caller("192.0.2.1", entry.session))

    asyncio.run(claim())
    authenticator = Authenticator()
    options = terminal.passkeys.creation()
    terminal.passkeys.add({**authenticator.create(options["challenge"]), "name": "phone\0"})
    assert [one["name"] for one in terminal.owner.passkeys] == [""], "a name that cannot be shown is dropped"
    for number in range(40):
        terminal.throttle.begin(f"198.51.100.{number}", None)
    with pytest.raises(Refused, match="wait"):
        asyncio.run(terminal.sign_in("admin", "tsuki no kirei na yoru", owner))
    asked = terminal.passkeys.request()
    assert set(asked) == {"challenge", "rpId", "userVerification"}, "strangers learn nothing of the owner"
    entry = terminal.passkeys.sign_in(authenticator.get(asked["challenge"]), owner)
    assert terminal.sessions.stage(entry.session) is Stage.OWNER
    terminal.boot()
    assert terminal.owner.passkeys[0]["count"] == authenticator.count, "the counter is durable"
    terminal.passkeys.remove(terminal.owner.passkeys[0]["id"])
    with pytest.raises(PasskeyError, match="unknown passkey"):
        terminal.passkeys.sign_in(authenticator.get(terminal.passkeys.request()["challenge"]), owner)
    with pytest.raises(Refused, match="unknown"):
        terminal.passkeys.remove("nobody")
