"""The API against its own description: generated, malformed and stateful requests, over a real server."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from fakes.hub_console import fill
from fakes.sharing import opened_ring
from sekisho.language import Language
from sekisho.model.account import Permission
from sekisho.wiring.accounts import open_gate
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds
from sekisho.workflows import sign_in

from .conftest import PASSWORD, Served, serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1300)]
# Its own list of refusals lacks that of a body that is too large, whatever else is wrong with it.
REFUSED = """[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""


def _token(data: Path) -> str:
    """Make an administrator and a token, as the pages do."""
    console = Console(data, create=True)
    gate, at, visit = open_gate(console.database, data), milliseconds(), sign_in.Visit("127.0.0.1")
    link = sign_in.make_setup_link(gate, at)
    done = sign_in.redeem_setup(gate, link, "関守", PASSWORD, visit, at, Language.EN)
    assert isinstance(done, sign_in.SignedIn)
    every = tuple(one for one in Permission if one is not Permission.OPEN)
    secret, _ = sign_in.make_token(gate, done.account, done.session, "schemathesis", every, 1, at)
    console.close()
    return secret


def _seen(served: Served, path: str, token: str) -> object:
    request = urllib.request.Request(served.url + path, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_every_operation_keeps_to_its_description(tmp_path: Path) -> None:
    from sekisho.demo import console_day

    console_day.fill(tmp_path / "data", console_day.Wanted(detections=200, cases=50), now=milliseconds())
    token = _token(tmp_path / "data")
    with opened_ring(tmp_path / "hub") as ring:
        fill(ring)
    served = serve(tmp_path / "data", "--hub", str(tmp_path / "hub"))
    try:
        described = _seen(served, "api/v1/openapi.json", token)
        assert isinstance(described, dict)
        operations = sum(len(methods) for methods in described["paths"].values())
        settings = tmp_path / "refused.toml"
        settings.write_text(REFUSED)
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(settings),
            "run", served.url + "api/v1/openapi.json",
            "--header", f"Authorization: Bearer {token}", "--rate-limit", "40/s", "--max-examples", "25",
            "--checks", "all", "--seed", "1", "--no-color",
        ]  # fmt: skip
        quiet = {**os.environ, "NO_PROXY": "*", "SCHEMATHESIS_REPORT": "false"}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=1200, check=False, cwd=tmp_path, env=quiet
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        tested = re.search(r"Tested:\s+(\d+)", done.stdout)
        assert tested is not None, done.stdout[-2000:]
        assert int(tested[1]) == operations
        assert _seen(served, "api/v1/me", token), "the server lives"
    finally:
        served.end()
