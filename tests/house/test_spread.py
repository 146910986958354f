"""The run in several processes: it says what each test said, and nothing that goes wrong in a process is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def _run(folder: Path, *more: str) -> tuple[int, str]:
    for name, text in _FILES.items():
        lines = text.strip("\n").splitlines()
        (folder / name).write_text("\n".join(line[8:] for line in lines), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "spread", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".",
         "-ra", *more, "."],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


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
