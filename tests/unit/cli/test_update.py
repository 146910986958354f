"""``sekisho update``: only what the maker signed, only what starts, never back by accident; refused changes nothing."""

from __future__ import annotations

import functools
import http.server
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fakes.command import typed
from sekisho import __version__
from sekisho.formats.release import compose

MAIN = "import sys\nprint('sekisho {version}')\nsys.exit({code} if 'plugins' in sys.argv else 0)\n"


class Maker:
    """Who makes releases, and the machine that installs them."""

    def __init__(self, place: Path) -> None:
        self.place, self.program = place, place / "program"
        self.keys = {name: self._key(name) for name in ("maker", "other")}

    def _key(self, name: str) -> bytes:
        key = Ed25519PrivateKey.generate()
        spki = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.place / f"{name}.pem").write_bytes(spki)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.place / f"{name}.key").write_bytes(private)
        return private

    def wheel(self, version: str, code: int = 0) -> bytes:
        """Make a program of that version; ``code`` is how it ends when its units are loaded."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("sekisho/__init__.py", "")
            archive.writestr("sekisho/__main__.py", MAIN.format(version=version, code=code))
        return out.getvalue()

    def release(self, version: str, *, by: str = "maker", name: str = "sekisho", code: int = 0) -> Path:
        """Sign a release."""
        file = self.place / f"{by}-{version}.release"
        file.write_bytes(compose(name, version, self.wheel(version, code), self.keys[by]))
        return file

    def run(self, *words: object, code: int = 0) -> dict[str, Any]:
        """Run the command; what it prints."""
        known = [] if words[0] == "sign" else ["--into", self.program, "--key", self.place / "maker.pem"]
        done = typed(["update", *words, *known, "--json"], env={**os.environ, "SEKISHO_LANG": "en"})
        assert done.returncode == code, (done.stdout, done.stderr)
        return {"said": done.stdout + done.stderr} if code in {2, 4} else dict(json.loads(done.stdout))

    @property
    def current(self) -> str:
        """What the service would run."""
        link = self.program / "current"
        return link.readlink().name.partition("-")[0] if link.is_symlink() else ""


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def test_a_signed_release_is_installed_and_the_next_one_too(maker: Maker) -> None:
    assert maker.run("install", maker.release("9.1"))["version"] == "9.1"
    assert maker.current == "9.1"
    maker.run("install", maker.release("9.2"))
    assert maker.current == "9.2"


def test_nothing_but_the_makers_own_is_installed(maker: Maker) -> None:
    maker.run("install", maker.release("9.1"))
    altered = maker.release("9.2")
    altered.write_bytes(altered.read_bytes()[:-1] + b"x")
    refused = [(altered, "not what was signed"), (maker.release("9.3", by="other"), "not signed by")]
    refused.append((maker.release("9.4", name="other"), "another program"))
    for file, words in refused:
        assert words in maker.run("install", file, code=2)["said"]
        assert maker.current == "9.1"


def test_an_older_one_only_when_asked_for(maker: Maker) -> None:
    maker.run("install", maker.release("9.1"))
    assert "older" in maker.run("install", maker.release("9.0"), code=2)["said"]
    assert maker.current == "9.1"
    maker.run("install", maker.release("9.0"), "--older")
    assert maker.current == "9.0"


def test_the_first_one_must_not_be_older_than_what_runs(maker: Maker) -> None:
    assert __version__ in maker.run("install", maker.release("0.0.1"), code=2)["said"]
    assert maker.current == ""


def test_one_that_does_not_start_here_is_not_switched_to(maker: Maker) -> None:
    maker.run("install", maker.release("9.1"))
    assert "does not run" in maker.run("install", maker.release("9.2", code=3), code=2)["said"]
    assert maker.current == "9.1"


@pytest.fixture
def site(maker: Maker) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(maker.place))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_newest_is_told_by_the_makers_notice(maker: Maker, site: str) -> None:
    wheel = maker.place / "x.whl"
    wheel.write_bytes(maker.wheel("9.1"))
    out = maker.place / "new.release"
    maker.run("sign", wheel, "--version", "9.1", "--private", maker.place / "maker.key", "--out", out)
    notice = out.with_name("new.release.newest")
    assert notice.stat().st_size < 1000
    told = {"installed": __version__, "newest": "9.1", "up_to_date": False}
    assert maker.run("newest", notice, code=3) == told
    assert maker.run("newest", f"{site}/{notice.name}", code=3) == told
    maker.run("install", out)
    assert maker.run("newest", f"{site}/{notice.name}") == {**told, "installed": "9.1", "up_to_date": True}


def test_a_notice_of_somebody_else_tells_nothing(maker: Maker, site: str) -> None:
    file = maker.release("9.9", by="other")
    assert "not signed by" in maker.run("newest", file, code=2)["said"]
    assert "fetched" in maker.run("newest", "http://127.0.0.1:9/x", code=4)["said"]
    assert "no notice" in maker.run("newest", f"{site}/nowhere", code=4)["said"]
