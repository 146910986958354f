"""The console's certificate: a real TLS handshake, its renewal, and what is refused."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from sekisho.errors import StoreError
from sekisho.stores.certificates import certificate_for

NOW = 1_795_000_000_000
DAY = 86_400_000


def _now() -> int:
    import time

    return int(time.time() * 1000)


def _handshake(folder: Path, chain: Path, key: Path, name: str) -> str:
    """Return the TLS version agreed with a client that trusts this folder's authority only."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    client = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    one, other = socket.socketpair()
    thread = threading.Thread(target=lambda: server.wrap_socket(one, server_side=True).close())
    thread.start()
    with client.wrap_socket(other, server_hostname=name) as spoken:
        version = spoken.version()
    thread.join(10)
    return str(version)


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "console.example"])
def test_who_trusts_the_authority_trusts_the_console(tmp_path: Path, name: str) -> None:
    chain, key = certificate_for(tmp_path, ("127.0.0.1", "::1", "console.example"), _now())
    assert _handshake(tmp_path, chain, key, name) == "TLSv1.3"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_name_that_it_lacks_is_refused_by_the_client(tmp_path: Path) -> None:
    chain, key = certificate_for(tmp_path, ("127.0.0.1",), _now())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    client = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(one, server_side=True).close()
        except (ssl.SSLError, OSError):
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(ssl.SSLCertVerificationError):
        client.wrap_socket(other, server_hostname="console.example")
    other.close()
    thread.join(10)


def test_it_stays_until_a_name_is_missing_or_its_end_is_near(tmp_path: Path) -> None:
    chain, _ = certificate_for(tmp_path, ("127.0.0.1",), NOW)
    first, authority = chain.read_bytes(), (tmp_path / "authority.pem").read_bytes()
    certificate_for(tmp_path, ("127.0.0.1",), NOW + 300 * DAY)
    assert chain.read_bytes() == first
    certificate_for(tmp_path, ("127.0.0.1", "console.example"), NOW)
    named = chain.read_bytes()
    assert named != first
    certificate_for(tmp_path, ("127.0.0.1", "console.example"), NOW + 370 * DAY)
    assert chain.read_bytes() != named
    assert (tmp_path / "authority.pem").read_bytes() == authority
    ends = x509.load_pem_x509_certificates(chain.read_bytes())[0].not_valid_after_utc
    assert ends.timestamp() * 1000 == NOW + (370 + 397) * DAY


def test_a_damaged_one_is_told_not_replaced_in_silence(tmp_path: Path) -> None:
    chain, _ = certificate_for(tmp_path, ("127.0.0.1",), NOW)
    chain.write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    with pytest.raises(StoreError, match="can't be made"):
        certificate_for(tmp_path, ("127.0.0.1",), NOW)
