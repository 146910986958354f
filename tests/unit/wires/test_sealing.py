"""Mails to a key, opened by gpg and by openssl; a key that isn't good is said to be so, and there is no mail then."""

from __future__ import annotations

import datetime as dt
import subprocess
import tempfile
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from fakes.mail_keys import Authority, Gpg
from sekisho.model.sealing import REASONS, KeyState
from sekisho.wires.sealing import key_state, seal

TO = "abuse@isp.example.jp"
NOW = dt.datetime(2026, 11, 18, 10, tzinfo=dt.UTC)
AT = int(NOW.timestamp() * 1000)
SECRET = "198[.]51[.]100[.]8:23 は TLP:AMBER\n.\nFrom here on\n" + "長い行" * 400


def mail() -> bytes:
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"] = "試験ハブ <hub@hub.example.jp>", f"当番 <{TO}>"
    made["Subject"], made["Message-ID"] = "[TLP:AMBER] 試験ハブ 2026-11-18", "<1@hub.example.jp>"
    made["Date"], made["Auto-Submitted"] = "Wed, 18 Nov 2026 10:00:00 +0000", "auto-generated"
    made.set_content(SECRET, charset="utf-8", cte="base64")
    return made.as_bytes()


def looked_at(sealed: bytes | None) -> EmailMessage:
    """Look at what any server on the way sees; return it parsed."""
    assert sealed is not None
    assert max(map(len, sealed.split(b"\r\n"))) <= 998
    assert sealed.isascii()
    assert b"\n" not in sealed.replace(b"\r\n", b"")
    outside = message_from_bytes(sealed, policy=policy.SMTP)
    assert (outside["Subject"], outside["To"]) == ("[...]", f"当番 <{TO}>")
    assert (outside["Message-ID"], outside["Auto-Submitted"]) == ("<1@hub.example.jp>", "auto-generated")
    for words in (b"AMBER", b"198[.]51", "試験ハブ 2026".encode(), b"W1RMUD"):
        assert words not in sealed.partition(b"\r\n\r\n")[2] if words != b"AMBER" else words not in sealed
    return outside  # type: ignore[return-value]


def check_inside(octets: bytes) -> None:
    inside = message_from_bytes(octets, policy=policy.SMTP)
    assert inside["Subject"] == "[TLP:AMBER] 試験ハブ 2026-11-18"
    assert inside.get_content().replace("\r\n", "\n") == SECRET + "\n"
    assert dict(inside["Content-Type"].params)["hp"] == "cipher"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    made = Gpg(Path(tempfile.mkdtemp(prefix="g-")))  # short: an agent's socket lies in it
    yield made
    made.end()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("smime"), NOW)


def test_openpgp_is_opened_by_gpg(gpg: Gpg) -> None:
    key = gpg.key(TO)
    sealed = seal(mail(), key, TO.upper(), AT + 10**10)
    assert (sealed.key.kind, sealed.key.reason, len(sealed.key.name), sealed.key.ends) == (
        "openpgp",
        "",
        40,
        0,
    )
    outside = looked_at(sealed.message)
    assert outside.get_content_type() == "multipart/encrypted"
    control, content = outside.iter_parts()
    assert (control.get_content_type(), control.get_content().strip()) == (
        "application/pgp-encrypted",
        b"Version: 1",
    )
    check_inside(gpg.opened(content.get_content()))
    assert subprocess.run(["pgrep", "-fc", "gpg-agent --homedir /tmp/sekisho-"], capture_output=True, check=False).stdout.strip() == b"0"  # fmt: skip


def test_smime_is_opened_by_openssl(authority: Authority) -> None:
    key = authority.certificate(TO)
    sealed = seal(mail(), key, TO.upper(), AT, [authority.revoked()])
    assert (sealed.key.kind, sealed.key.reason, len(sealed.key.name)) == ("smime", "", 64)
    outside = looked_at(sealed.message)
    assert outside.get_content_type() == "application/pkcs7-mime"
    assert dict(outside["Content-Type"].params)["smime-type"] == "enveloped-data"
    check_inside(authority.opened(sealed.message or b""))


def refused(key: str, address: str = TO, at: int = AT + 10**10, revoked: tuple[Path, ...] = ()) -> str:
    sealed = seal(mail(), key, address, at, revoked)
    assert sealed.message is None
    assert sealed.key == key_state(key, address, at, revoked)
    assert REASONS[sealed.key.reason].ja
    return sealed.key.reason


def test_an_openpgp_key_that_is_not_good_is_refused(gpg: Gpg) -> None:
    good = gpg.key("good@isp.example.jp")
    assert refused(good) == "wrong-address"
    assert refused(gpg.key("sign@isp.example.jp", kind="ed25519"), "sign@isp.example.jp") == "cannot-encrypt"
    short = gpg.key("short@isp.example.jp", until="2d")
    later = key_state(short, "short@isp.example.jp", 0).ends
    assert refused(short, "short@isp.example.jp", later) == "expired"
    assert refused(short, "short@isp.example.jp", 1_000_000) == "not-yet"
    assert refused(gpg.revoke("good@isp.example.jp"), "good@isp.example.jp") == "revoked"
    weak = gpg.key("weak@isp.example.jp", kind="rsa1024", use="sign,encr")
    assert refused(weak, "weak@isp.example.jp") == "too-weak"
    assert refused(good + weak, "good@isp.example.jp") == "several-keys"
    mixed = gpg.key("mixed@isp.example.jp")  # gpg would take the newest
    assert key_state(mixed, "mixed@isp.example.jp", AT + 10**10).reason == ""
    name = key_state(mixed, "mixed@isp.example.jp", AT + 10**10).name
    gpg.run("--quick-add-key", name, "rsa1024", "encr", "never")
    assert refused(gpg.public("mixed@isp.example.jp"), "mixed@isp.example.jp") == "too-weak"
    half = good[: len(good) // 2]
    assert refused(half) in {"not-a-key", "gpg-failed"}
    assert refused("-----BEGIN PGP PRIVATE KEY BLOCK-----\n") == "secret-key"


def test_a_certificate_that_is_not_good_is_refused(authority: Authority) -> None:
    make = authority.certificate
    later = AT + 31 * 86_400_000
    assert refused(make(TO), "other@isp.example.jp", AT) == "wrong-address"
    assert refused(make(TO), at=later) == "expired"
    assert refused(make(TO, since=1), at=AT) == "not-yet"
    assert refused(make(TO, usage=False), at=AT) == "cannot-encrypt"
    assert refused(make(TO, curve=True), at=AT) == "cannot-encrypt"
    assert refused(make(TO, bits=1024), at=AT) == "too-weak"
    gone = make(TO)
    crl = authority.revoked(authority.last)
    assert refused(gone, at=AT, revoked=(crl,)) == "revoked"
    other = make(TO)
    assert key_state(other, TO, AT, (crl,)).reason == ""
    assert refused(other, at=AT + 8 * 86_400_000, revoked=(crl,)) == "crl-stale"
    crl.write_text("-----BEGIN X509 CRL-----\n")
    assert refused(other, at=AT, revoked=(crl,)) == "crl-unreadable"
    assert refused(gone + other, at=AT) == "several-keys"
    assert refused(other.replace("M", "N", 3), at=AT) == "not-a-key"
    assert refused(other + "-----BEGIN PRIVATE KEY-----\n", at=AT) == "secret-key"
    assert refused("", at=AT) == "no-key"
    assert refused("ssh-ed25519 AAAA", at=AT) == "not-a-key"


def test_without_gpg_there_is_no_mail_to_an_openpgp_key(
    gpg: Gpg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = gpg.public("weak@isp.example.jp")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert key_state(key, TO, AT) == KeyState("openpgp", reason="no-gpg")
    program = tmp_path / "gpg"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 2\n")
    program.chmod(0o700)
    assert key_state(key, TO, AT) == KeyState("openpgp", reason="gpg-failed", detail="broken")
