"""1: a member shows who it is by a certificate: real ones made by openssl, a real server, real handshakes."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.command import typed
from fakes.sharing import Ring, indicator, opened_ring
from sekisho.errors import DescriptionError
from sekisho.stores.certificates import read_certificate
from sekisho.workflows.hub import pin, publish, revoke, rotate

MEDIA = "application/taxii+json;version=2.1"


def openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["openssl", *words], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def made(folder: Path, name: str, authority: str = "") -> Path:
    """A key and a certificate: signed by an authority, or by itself."""
    signed = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"] if authority else []
    kind = ["-addext", "basicConstraints=critical,CA:FALSE"] if authority else []
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
        "-days", "30", "-keyout", f"{name}.key", "-out", f"{name}.pem", *signed, *kind,
    )  # fmt: skip
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    made(folder, "authority")
    made(folder, "foreign")
    for name in ("first", "second", "third"):
        made(folder, name, "authority")
    made(folder, "stranger", "foreign")
    made(folder, "own")
    trusted = (folder / "authority.pem").read_text() + (folder / "own.pem").read_text()
    (folder / "trusted.pem").write_text(trusted)
    return folder


def held(ring: Ring, keys: Path, member: str, name: str) -> str:
    digest, ends, subject = read_certificate((keys / f"{name}.pem").read_bytes())
    assert subject == f"CN={name}"
    return pin(ring.books, member, digest, ends, subject, "op").id


class Client:
    """A client with or without a certificate; it keeps its connection."""

    def __init__(self, port: int, authority: Path, keys: Path, name: str = "") -> None:
        context = ssl.create_default_context(cafile=str(authority))
        if name:
            context.load_cert_chain(keys / f"{name}.pem", keys / f"{name}.key")
        self.wire = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)

    def ask(self, path: str = "/taxii2/", **headers: str) -> int:
        self.wire.request("GET", path, headers={"Accept": MEDIA, **headers})
        answer = self.wire.getresponse()
        answer.read()
        return answer.status


@pytest.fixture
def port(tmp_path: Path, keys: Path) -> Iterator[int]:
    """The port of a hub that is served as its operator starts it; its members are added beside it."""
    with opened_ring(tmp_path / "hub"):
        pass
    command = [sys.executable, "-m", "sekisho", "hub", "serve", "--hub", str(tmp_path / "hub"), "--port", "0", "--json",
               "--tls", "--client-ca", str(keys / "trusted.pem")]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["url"].split(":")[2].split("/")[0])
    finally:
        process.terminate()
        assert process.wait(20) in {0, -15}
        process.stdout.close()


def test_who_holds_the_key_of_a_pinned_certificate_is_that_member(
    port: int, tmp_path: Path, keys: Path
) -> None:
    trusted = tmp_path / "hub" / "tls" / "authority.pem"

    with ExitStack() as open_, opened_ring(tmp_path / "hub") as ring:

        def client(name: str = "") -> Client:
            made = Client(port, trusted, keys, name)
            open_.callback(made.wire.close)
            return made

        ring.clock[0] = read_certificate((keys / "first.pem").read_bytes())[1] - 10 * 86_400_000
        ring.join("alpha", "full").join("beta", "full")
        first = held(ring, keys, "alpha", "first")
        one = client("first")
        assert one.ask() == 200
        assert one.ask("/me/reports.json") == 200
        assert client().ask() == 401, "no certificate and no token"
        assert client().ask(Authorization=f"Bearer {ring.tokens['beta']}") == 200, "a token alone is enough"
        assert client("second").ask() == 401, "of the right authority, and nobody's"
        assert client("first").ask(Authorization=f"Bearer {ring.tokens['alpha']}") == 200
        assert client("first").ask(Authorization=f"Bearer {ring.tokens['beta']}") == 401, (
            "two members in one request"
        )
        assert client("second").ask(Authorization=f"Bearer {ring.tokens['beta']}") == 401
        assert client("first").ask(Authorization="Bearer skh_wrong") == 401
        with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
            client("stranger").ask()
        second = held(ring, keys, "alpha", "second")
        assert (one.ask(), client("second").ask()) == (200, 200), "both hold while the member changes over"
        with pytest.raises(DescriptionError):
            held(ring, keys, "alpha", "third")
        with pytest.raises(DescriptionError):
            held(ring, keys, "beta", "second")
        assert revoke(ring.books, first, "op")
        assert one.ask() == 401, "at once, on the connection that is open"
        assert client("second").ask() == 200
        held(ring, keys, "beta", "own")
        assert client("own").ask("/me/reports.json") == 200, "one that signed itself and stands in the file"
        with pytest.raises(DescriptionError):
            rotate(ring.books, second, 1, 30, "op")
        (row,) = [one for one in ring.books.tokens.of("alpha") if one.id.startswith("cert:")]
        assert (row.id, row.name) == (second, "CN=second")
        assert row.last_used > 0
        gone = typed(
            ["hub", "certificate", "revoke", second.removeprefix("cert:")[:10], "--hub", tmp_path / "hub"]
        )
        assert gone.returncode == 0, gone.stderr
        assert client("second").ask() == 401


def test_what_is_no_certificate_is_refused(tmp_path: Path, keys: Path) -> None:
    with opened_ring(tmp_path / "hub") as ring:
        ring.join("alpha", "full")
        digest, ends, _ = read_certificate((keys / "first.pem").read_bytes())
        ring.clock[0] = ends
        with pytest.raises(DescriptionError):
            pin(ring.books, "alpha", digest, ends, "", "op")
        with pytest.raises(DescriptionError):
            pin(ring.books, "nobody", digest, ends + 1, "", "op")
    both = (keys / "first.pem").read_bytes() + (keys / "first.key").read_bytes()
    for wrong in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", both):
        with pytest.raises(DescriptionError):
            read_certificate(wrong)


def test_authorities_need_tls(tmp_path: Path, keys: Path) -> None:
    with opened_ring(tmp_path / "hub"):
        pass
    for more in ([], ["--tls"]):
        file = keys / ("first.key" if more else "trusted.pem")
        done = typed(["hub", "serve", "--hub", tmp_path / "hub", "--port", "0", "--client-ca", file, *more])
        assert done.returncode == 2, done.stdout


def test_a_member_joins_with_its_certificate_alone(port: int, tmp_path: Path, keys: Path) -> None:
    with opened_ring(tmp_path / "hub") as ring:
        ring.clock[0] = read_certificate((keys / "first.pem").read_bytes())[1] - 10 * 86_400_000
        ring.join("a").join("b").join("small", "receive-only")
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(ring.clock[0] / 1000 - 3600))
        for number, name in enumerate("ab"):
            ring.post(name, "list-in", indicator(number=number + 1, moment=moment))
        held(ring, keys, "small", "first")
        publish(ring.books, b"x")
    data = tmp_path / "watch"
    data.mkdir()
    (data / "watch.toml").write_text('customers = ["192.0.2.0/24"]\nbasis = "not-communication"\n')
    client = tmp_path / "client.pem"
    client.write_bytes((keys / "first.pem").read_bytes() + (keys / "first.key").read_bytes())
    client.chmod(0o600)
    words = ["hub", "join", f"https://127.0.0.1:{port}/", "--authority", tmp_path / "hub/tls/authority.pem", "--data", data,
             "--json", "--client"]  # fmt: skip
    done = typed([*words, client])
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["list"]["written"]
    client.chmod(0o644)
    assert typed([*words, client]).returncode == 2, "others may read the key"
    assert typed(words[:-1]).returncode == 2, "neither token nor certificate"
    without = keys / "second.pem"
    without.chmod(0o600)
    assert typed([*words, without]).returncode == 2, "no key in it"


def test_10_tls_1_2_and_1_3_are_spoken_nothing_older_and_nothing_early(port: int, tmp_path: Path) -> None:
    """TAXII 2.1, 8.1: asked by openssl, which tells what was agreed."""

    def said(*words: str) -> str:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(tmp_path / "hub/tls/authority.pem"), *words],
            input="GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    for version, words in (("TLSv1.2", "-tls1_2"), ("TLSv1.3", "-tls1_3")):
        assert f"New, {version}" in said(words)
    for words in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" in said(words, "-cipher", "ALL:@SECLEVEL=0")
    tickets = said("-tls1_3", "-ign_eof")
    assert "Max Early Data: 0" in tickets
    assert "Max Early Data: 1" not in tickets
