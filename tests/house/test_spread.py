"""The run in several processes: it says what each test said, and nothing that goes wrong in a process is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

from spread import Hand, Spread

TESTS = Path(__file__).resolve().parents[1]
_FILES = {
    "test_a.py": """
        import os, pytest
        @pytest.fixture(scope="session")
        def shared(tmp_path_factory):
            yield tmp_path_factory.mktemp("shared")
            raise ValueError("the shared thing broke")
        def test_good(shared): print("heard"); assert shared.is_dir()
        def test_bad(): print("said before"); assert 1 + 1 == 3
        """,
    "test_b.py": """
        import os, signal
        def test_before(): pass
        def test_dies(): os.kill(os.getpid(), signal.SIGKILL)
        def test_behind(tmp_path): assert tmp_path.is_dir()
        """,
    "test_c.py": """
        import pytest
        FIRST = []
        @pytest.fixture(scope="module")
        def once(): FIRST.append(1)
        @pytest.mark.parametrize("n", range(20))
        def test_each(once, n): assert FIRST == [1]
        def test_not_here(): pytest.skip("for a reason")
        """,
}


def _started(folder: Path, files: dict[str, str], *more: str) -> subprocess.Popen[str]:
    for name, text in files.items():
        lines = text.strip("\n").splitlines()
        (folder / name).write_text("\n".join(line[8:] for line in lines), encoding="utf-8")
    return subprocess.Popen(
        # Who runs the tests in the background may have Ctrl-C ignored; the run in here hears it.
        ["env", "--default-signal=INT", sys.executable, "-m", "pytest", "-p", "spread", "-p", "no:cacheprovider", "-c",
         os.devnull, "--rootdir", ".", "-ra", *more, "."],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": ""}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def _run(folder: Path, *more: str) -> tuple[int, str]:
    process = _started(folder, _FILES, *more)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def test_what_goes_wrong_is_told(tmp_path: Path) -> None:
    code, said = _run(tmp_path, "--processes", "2")
    assert code == 1
    # A process that is killed loses no test behind the one it was at; what is shared is taken down in each.
    assert "1 failed, 23 passed, 1 skipped, 2 errors" in said, said
    assert "assert (1 + 1) == 3" in said
    assert "said before" in said
    assert "heard" not in said
    assert "ValueError: the shared thing broke" in said
    assert "the process ended at this test, or soon after it (-9)" in said
    assert "ERROR test_b.py::test_dies" in said
    assert "SKIPPED [1] test_c.py:7: for a reason" in said


def test_the_first_failure_ends_it_when_that_is_asked(tmp_path: Path) -> None:
    code, said = _run(tmp_path, "--processes", "1", "-x")
    assert code in (1, 2)
    assert "stopping after" in said, said
    assert "test_dies" not in said


def test_who_is_interrupted_takes_down_what_is_set_up(tmp_path: Path) -> None:
    files = {
        f"test_{name}.py": """
        import pathlib, time, pytest
        HERE = pathlib.Path(__file__)
        @pytest.fixture(scope="session")
        def shared():
            HERE.with_suffix(".up").touch()
            yield
            HERE.with_suffix(".down").touch()
        def test_long(shared): time.sleep(100)
        def test_never(): pass
        """
        for name in "ab"
    }
    process = _started(tmp_path, files, "--processes", "2")
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("*.up"))) < len(files):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert len(list(tmp_path.glob("*.down"))) == len(files)
    assert "passed" not in said


def test_who_has_gone_is_heard_to_its_last_word() -> None:
    """It asks and goes, as after a failure that ends the run; that it was done is not taken for a death."""
    ours, theirs = Pipe()
    theirs.send(("next", None))
    theirs.send(("done", None))
    theirs.close()
    run = Spread.__new__(Spread)
    run.session, run.pieces = SimpleNamespace(shouldfail="enough", shouldstop=False), deque()  # type: ignore[assignment]
    hand = Hand(os.getpid(), ours)
    run._hear_of(hand)
    os.close(hand.ended)
    ours.close()
    assert hand.done
