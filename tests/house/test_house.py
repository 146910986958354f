"""The house's rules, as tests: sizes, docstrings, import contracts, lint, types, no side effects."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
BIN = Path(sys.executable).parent
LONGEST_FILE, LONGEST_FUNCTION, MOST_METHODS = 500, 50, 12
HEAVY = (
    "rich",
    "asyncssh",
    "cryptography",
    "typst",
    "selectolax",
    "jinja2",
    "pydantic",
    "duckdb",
    "sqlalchemy",
    "psycopg",
    "pyarrow",
    "numpy",
    "numba",
)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False, env=env
    )


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]],
    ids=" ".join,
)
def test_lint(command: list[str]) -> None:
    done = run(str(BIN / command[0]), *command[1:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    docstring = (
        first.end_lineno - first.lineno + 1
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and first.end_lineno
        else 0
    )
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_sizes() -> None:
    faults = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        if (count := text.count("\n")) > LONGEST_FILE:
            faults.append(f"{name}: {count} lines")
        tree = ast.parse(text)
        faults += [
            f"{name}:{node.lineno} {node.name}: {length(node)} lines"
            for node in functions(tree)
            if length(node) > LONGEST_FUNCTION
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                public = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
                if (count := sum(not one.name.startswith("_") for one in public)) > MOST_METHODS:
                    faults.append(f"{name}:{node.lineno} {node.name}: {count} public methods")
    assert not faults, "\n".join(faults)


def bare(node: ast.AST, name: str) -> list[str]:
    """Name what is public and has no docstring; what is inside a private class or a function is not public."""
    found = []
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if getattr(node, "name", "").startswith("_"):
            return []
        found = [] if ast.get_docstring(node) else [name]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return found
    for child in ast.iter_child_nodes(node):
        found += bare(child, f"{name}.{child.name}" if hasattr(child, "name") else name)
    return found


def test_every_public_name_is_documented() -> None:
    faults = [
        fault
        for path in SOURCES
        for fault in bare(ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT)))
    ]
    assert not faults, "\n".join(faults)


def test_the_docstring_check_sees_what_it_should() -> None:
    source = """
def loud():
    def inner(): ...
class Loud:
    def method(self): ...
    def _quiet(self): ...
class _Quiet:
    def method(self): ...
if True:
    async def conditional(): ...
"""
    assert bare(ast.parse(source), "m") == ["m", "m.loud", "m.Loud", "m.Loud.method", "m.conditional"]


def test_no_forbidden_rooms() -> None:
    names = {part.removesuffix(".py") for path in SOURCES for part in path.relative_to(ROOT).parts}
    assert not names & {"utils", "util", "helpers", "helper", "common", "core", "misc", "managers", "manager"}


def test_imports_have_no_side_effects() -> None:
    """Import every module with the network, processes and threads blocked, and an empty home."""
    code = (
        "import pkgutil, importlib, socket, subprocess, threading, sys\n"
        "def no(*a, **k): raise SystemExit('import has effects: ' + repr(a)[:200])\n"
        "socket.socket.connect = no; socket.socket.bind = no; subprocess.Popen.__init__ = no\n"
        "threading.Thread.start = no\n"
        "import sekisho\n"
        "for m in pkgutil.walk_packages(sekisho.__path__, 'sekisho.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
    )
    # Our lines run all the same; numba's compiling of the twins would take ten seconds.
    done = run(sys.executable, "-W", "error", "-c", code, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_is_light() -> None:
    code = (
        "import sys; sys.argv = ['sekisho', '--help']\n"
        "from sekisho.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = run(sys.executable, "-c", code)
    assert done.stdout.rstrip().endswith("heavy: []"), done.stdout + done.stderr


def test_no_machine_paths_hosts_or_stubs() -> None:
    faults = []
    tracked = run("git", "ls-files").stdout.splitlines()
    words = (
        "/" + "work/",
        "/" + "root/",
        "NotImplemented" + "Error",
        "TO" + "DO",
        "FIX" + "ME",
        "pytest.mark." + "skip",
    )
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".txt", ".sh", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            faults += [f"{name}: {word}" for word in words if word in text]
    assert not faults, "\n".join(faults)
    assert not [name for name in tracked if name.endswith("uv.lock")]


def test_requirements_are_hashed_and_name_no_host() -> None:
    for name in ("run", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if "==" in line]
        assert pins
        assert all(line.rstrip().endswith("\\") for line in pins), "a pin without a hash"
