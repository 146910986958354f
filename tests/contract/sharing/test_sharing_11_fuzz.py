"""11. The interface against its own description, as each role: generated, malformed and unsigned requests.

Of 20,000 cases a run of the suite makes some hundreds for each role; with SEKISHO_FUZZ_EXAMPLES (of each operation) more, and
then the phase of cases that follow from each other as well. That the test would find a fault is tested with a planted one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.sharing import Ring, indicator, opened_ring
from sekisho.web.hub import application
from sekisho.workflows.hub import Bearer, publish

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
LONG = "SEKISHO_FUZZ_EXAMPLES" in os.environ
EXAMPLES = os.environ.get("SEKISHO_FUZZ_EXAMPLES", "4")
PHASES = "examples,coverage,fuzzing,stateful" if LONG else "examples,fuzzing"


@pytest.fixture
def peopled(tmp_path: Path) -> Iterator[Ring]:
    with opened_ring(tmp_path / "hub") as ring:
        ring.join("full").join("other").join("reads", "receive-only", "203.0.113.0/24")
        ring.join("maker", "maker").join("partner", "partner")
        for number, name in enumerate(("full", "other")):
            ring.post(name, "list-in", indicator(number=number + 1))
        publish(ring.books, b"x")
        yield ring


def fuzzed(ring: Ring, who: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    with ring.served() as url:
        file = folder / "openapi.json"
        described = ring.ask(who, "GET", "/openapi.json").json
        # Most of what is drawn for the place of a collection is none: here the places are those that there are.
        for path, methods in described["paths"].items():
            for one in methods.values():
                for parameter in one.get("parameters", []):
                    if parameter["name"] == "collection":
                        parameter["schema"] = {"enum": [*ring.ids.values(), "list", "nothing"]}
            assert path.startswith("/")
        file.write_text(json.dumps(described))
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(file), "--url", url, "--no-color",
            "--header", f"Authorization: Bearer {ring.tokens[who]}", "--checks", CHECKS, "--seed", "1",
            "--max-examples", EXAMPLES, "--phases", PHASES, *more,
        ]  # fmt: skip
        quiet = {**os.environ, "NO_PROXY": "*", "SCHEMATHESIS_REPORT": "false"}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=None if LONG else 500,
            check=False,
            cwd=folder,
            env=quiet,
        )


@pytest.mark.slow
@pytest.mark.parametrize("who", ["full", "reads", "maker", "partner"])
def test_each_role_against_the_description(peopled: Ring, who: str, tmp_path: Path) -> None:
    done = fuzzed(peopled, who, tmp_path)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-1000:]
    described = peopled.ask(who, "GET", "/openapi.json").json
    operations = sum(len(methods) for methods in described["paths"].values())
    tested = re.search(r"Tested:\s+(\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) == operations
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None
    assert int(cases[1]) >= 3 * operations
    print(done.stdout[-700:])
    assert peopled.ask(who, "GET", "/taxii2/").status == 200
    assert peopled.books.audit.verify("").whole


def test_no_address_and_no_method_goes_round_the_doors(peopled: Ring) -> None:
    """Found by fuzzing: a line feed in an address was answered before anybody was asked for a token."""
    for method, path in (
        ("GET", "/feed/a\nb"),
        ("GET", "/\n"),
        ("TRACE", "/taxii2/"),
        ("PROPFIND", "/sharing/"),
        ("OPTIONS", "*"),
    ):
        assert peopled.ask("", method, path).status == 401
        got = peopled.ask("full", method, path)
        assert (got.status in {404, 405}, got.headers["content-type"].startswith("application/taxii")) == (
            True,
            True,
        )


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        ("full", "/counts/", b'{"counts":[{"indicator":"\xff","day":"a","lines":1}]}'),
        ("full", "/models/", b'{"reports":[{"vendor":"\xff"}]}'),
        ("maker", "/advisories/", b'{"document":{"title":"\xff"}}'),
        ("full", "list-in", b'{"objects":[{"id":"\xff"}]}'),
    ],
)
def test_octets_that_are_no_text_are_the_senders_fault(
    peopled: Ring, who: str, path: str, body: bytes
) -> None:
    place = path if path.startswith("/") else peopled.at(path, "objects")
    assert peopled.ask(who, "POST", place, body).status in {400, 422}


@pytest.mark.slow
def test_a_planted_fault_is_found(peopled: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = application._bearer
    held: dict[str, Bearer] = {}

    def forgetful(door: Any, request: Any, now: int) -> Bearer | None:
        """Take who shows nothing for whoever came last."""
        found = real(door, request, now)
        if found is not None:
            held["last"] = found
        return found or held.get("last")

    monkeypatch.setattr(application, "_bearer", forgetful)
    done = fuzzed(peopled, "full", tmp_path, "--include-path", "/me/reports.json")
    assert done.returncode == 1, done.stdout[-3000:]
    assert "ignored" in done.stdout.lower() or "authentication" in done.stdout.lower()
