"""A PostgreSQL of our own: made by initdb in a temporary folder, a unix socket and no port, stopped by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

USER = "sekisho"
_READY_S = 60
#: Files that live here are quickly made and deleted.
MEMORY = Path("/dev/shm")
_BY_FILES = 150_000  # since PostgreSQL 15


def programs() -> Path | None:
    """Return the folder of the newest server installed; Debian keeps it out of PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3].split(".")[0])
    )
    if found:
        return found[-1].parent
    here = shutil.which("initdb")
    return Path(here).parent if here else None


def obstacle() -> str:
    """Return why no server can be started here; empty when one can."""
    return "" if programs() else "missing package postgresql: run python3 tests/lab/install.py"


class Cluster:
    """One server. Its collation is a language's own, so that what sorts by code point does so by our doing."""

    def __init__(self, root: Path | None = None, *settings: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sekisho-pg-")) if root is None else root
        self._settings = settings
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: psycopg.Connection | None = None
        self._databases = 0
        if os.geteuid() == 0:  # the server refuses to run as root
            person = pwd.getpwnam("nobody")
            self._as = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
            os.chown(self.root, person.pw_uid, person.pw_gid)
        else:
            self._as = {}
        self._run("initdb", "-D", "data", "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync",
                  "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=ja")  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers; after a kill, children of the dead server may linger for a moment."""
        until = time.monotonic() + _READY_S
        while True:
            if self._server is None or self._server.poll() is not None:
                self._server = self._launch()
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > until:
                    raise RuntimeError((self.root / "log").read_text()[-3000:]) from error
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """Stop it, connections or not."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Let it die as in a power cut of its processes."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        if self._server is not None:
            self.stop()
        shutil.rmtree(self.root)

    @property
    def pid(self) -> int:
        """The process of the server, of which all others are children."""
        assert self._server is not None
        return self._server.pid

    def database(self, like: str = "") -> str:
        """Make a database and return its URL: an empty one, or one like another of that name."""
        self._databases += 1
        name = f"t{self._databases}"
        # In memory, copying files is half the work of taking each page through the log; on a disk it is more.
        by_files = self.root.is_relative_to(MEMORY) and self._asked().info.server_version >= _BY_FILES
        how = " STRATEGY FILE_COPY" if by_files else ""
        self._asked().execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {like}{how}" if like else ""))
        return self.address(name)

    def drop(self, url: str) -> None:
        """Delete a database, whoever is connected."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._asked().execute(f"DROP DATABASE {name} WITH (FORCE)")

    def address(self, name: str) -> str:
        """Return the URL of a database by name."""
        return f"postgresql://{USER}@/{name}?host={self.root}"

    def _asked(self) -> psycopg.Connection:
        """Return the connection that makes and deletes databases; it lasts as long as the server."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.address("postgres"), autocommit=True)
        return self._connection

    def _launch(self) -> subprocess.Popen[bytes]:
        options = ["listen_addresses=", f"unix_socket_directories={self.root}", *self._settings]
        words = [str(_bin() / "postgres"), "-D", "data"]
        for option in options:
            words += ["-c", option]
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(
                words, cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as
            )

    def _end(self, how: signal.Signals) -> None:
        assert self._server is not None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._server.send_signal(how)
        self._server.wait(30)
        self._server = None

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(_bin() / program), *words], cwd=self.root, capture_output=True, text=True, timeout=120, check=False, **self._as
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _bin() -> Path:
    found = programs()
    assert found is not None
    return found
