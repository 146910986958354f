"""The command as its user types it, and programs, in processes of their own, without paying for the libraries each time.

One process for a whole run loads the libraries and the units once, and forks for every command; the command line
itself is imported afresh in each (its language comes from the arguments). What a fork could hide is tried elsewhere:
``tests/unit/cli/test_commands.py``, the lab and the tests that kill start ``python -m sekisho``.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_LIBRARIES = ("numpy", "pyarrow.parquet", "pyarrow.compute", "duckdb", "sqlalchemy.dialects.sqlite", "psycopg",
              "sqlalchemy.dialects.postgresql.psycopg", "cryptography.x509", "jinja2", "msgspec", "click", "rich.live")  # fmt: skip
# The command line reads its arguments while it is imported; the others are programs of their own.
_FRESH = ("sekisho.cli", "sekisho.__main__", "sekisho.demo", "sekisho.exemplar", "sekisho.web")
# Compiled when they are imported, for seconds; a command asks for them after millions of flows.
_COMPILED = "_fast"
_LOCK = threading.Lock()
# By the process that started it; with the server itself, which is ended by nobody else.
_SERVER: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}


def typed(
    words: tuple[object, ...] | list[object],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    timeout: float = 120,
) -> "subprocess.CompletedProcess[str]":
    """Run ``sekisho`` with these words and return what came of it, as `subprocess.run` with captured text does."""
    argv = [str(word) for word in words]
    asked = {"argv": argv, "env": dict(os.environ if env is None else env), "cwd": str(cwd or Path.cwd())}
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire,
    ):
        wire.settimeout(timeout)
        wire.connect(_server())
        _ask(wire, asked, [out.fileno(), err.fileno()])
        with wire.makefile("rb") as told:
            pid = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(argv, timeout) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(argv, code, out.read().decode(), err.read().decode())


class Running:
    """A program that goes on, with what `subprocess.Popen` gives with text in pipes; the libraries are loaded already.

    :ivar returncode: None until somebody saw that it ended; less than nothing for a signal that ended it
    """

    def __init__(
        self, code: str, words: tuple[object, ...] = (), *, env: Mapping[str, str] | None = None
    ) -> None:
        """Run Python's ``code``, as ``python -c`` does; or, when it is empty, the command ``sekisho``."""
        self.args = [str(word) for word in words]
        where = {"env": dict(os.environ if env is None else env), "cwd": str(Path.cwd())}
        self.returncode: int | None = None
        ends = [os.pipe(), os.pipe()]
        self._wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._wire.connect(_server())
            _ask(self._wire, {"argv": self.args, "code": code, **where}, [ours for _, ours in ends])
        finally:
            for _, theirs in ends:
                os.close(theirs)
        self.stdout: IO[str] | None
        self.stderr: IO[str] | None
        self.stdout, self.stderr = (open(end, encoding="utf-8") for end, _ in ends)  # noqa: SIM115 - its user closes them
        self._told = self._wire.makefile("rb")
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        if self.returncode is None and select.select([self._wire], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends. :raises subprocess.TimeoutExpired: it didn't"""
        if self.returncode is None:
            if not select.select([self._wire], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._wire.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read both pipes to their ends and wait. :raises subprocess.TimeoutExpired: it didn't end"""
        until = None if timeout is None else time.monotonic() + timeout
        said: dict[int, str] = {}

        def read(number: int, pipe: IO[str]) -> None:
            with pipe:
                said[number] = pipe.read()

        pipes = [one for one in (self.stdout, self.stderr) if one is not None]
        threads = [threading.Thread(target=read, args=one, daemon=True) for one in enumerate(pipes)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(None if until is None else max(0.0, until - time.monotonic()))
        if any(one.is_alive() for one in threads):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(0.1, until - time.monotonic()))
        return said[0], said[1]


def _ask(wire: socket.socket, asked: Mapping[str, object], descriptors: list[int]) -> None:
    line = json.dumps(asked).encode() + b"\n"
    sent = wire.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])
    wire.sendall(line[sent:])


def start() -> None:
    """Start the server now: what is forked from this process afterwards shares it."""
    _server()


def _server() -> str:
    """Return where this session's server listens; start it when it doesn't run yet."""
    with _LOCK:
        if os.getppid() in _SERVER:
            return _SERVER[os.getppid()][0]
        if os.getpid() not in _SERVER:
            folder = tempfile.mkdtemp(prefix="sekisho-command-")
            path = f"{folder}/socket"
            command = [sys.executable, "-m", "fakes.command", path, str(os.getpid())]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.stdout.close()
            _SERVER[os.getpid()] = (path, process)
            atexit.register(_end, process, Path(folder))
        return _SERVER[os.getpid()][0]


def _end(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    process.kill()
    process.wait()
    for path in (folder / "socket", folder):
        with contextlib.suppress(OSError):
            path.unlink() if path.is_socket() else path.rmdir()


def _load() -> None:
    for name in _LIBRARIES:
        importlib.import_module(name)
    _load_below("sekisho")


def _load_below(name: str) -> None:
    """Import a package and what is in it; what can't be imported is for the command to say."""
    if name.startswith(_FRESH) or name.endswith(_COMPILED):
        return
    with contextlib.suppress(ImportError):
        module = importlib.import_module(name)
        for below in pkgutil.iter_modules(getattr(module, "__path__", ())):
            _load_below(f"{name}.{below.name}")


def _serve(path: str, owner: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(path)
        door.listen(64)
        # Who asks before all is loaded waits at the door.
        os.write(1, b"ready\n")
        _load()
        assert not any(name.startswith(_FRESH) for name in sys.modules)
        door.settimeout(5)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while os.getppid() == owner:
            with contextlib.suppress(TimeoutError):
                wire, _ = door.accept()
                with wire:
                    if os.fork() == 0:
                        _keep(wire)


def _keep(wire: socket.socket) -> None:
    """Fork once more, wait for the command, and tell its exit code; never return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line, fds, _, _ = socket.recv_fds(wire, 1 << 20, 2)
    while not line.endswith(b"\n"):
        line += wire.recv(1 << 20)
    pid = os.fork()
    if pid == 0:
        wire.close()
        _command(json.loads(line), fds)
    wire.sendall(b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        wire.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _command(asked: dict[str, object], fds: list[int]) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, *fds)):
        os.dup2(descriptor, number)
    for descriptor in (nothing, *fds):
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    os.chdir(str(asked["cwd"]))
    sys.argv = ["sekisho", *asked["argv"]]  # type: ignore[misc]
    left = 0
    try:
        if code := asked.get("code"):
            sys.argv[0] = "-c"
            exec(compile(str(code), "<string>", "exec"), {"__name__": "__main__"})
        else:
            import sekisho.cli

            sekisho.cli.main()
    except SystemExit as end:
        left = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        left = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(left)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
