"""The hub's audit log goes at its time, from its beginning, with a checkpoint; what is left is still a chain."""

from __future__ import annotations

import json
import time
from pathlib import Path

from fakes.command import typed
from fakes.sharing import DAY, indicator, opened_ring
from sekisho.wiring.hub import upkeep


def test_the_log_expires_from_its_beginning(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    with opened_ring(hub):
        pass
    with (hub / "hub.toml").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write("audit_days = 30\n" + text)
    with opened_ring(hub) as ring:
        ring.clock[0] = int(time.time() * 1000) + 1  # behind the entry of its making
        ring.join("a")
        ring.post("a", "list-in", indicator())
        old = len(list(ring.books.audit.entries()))
        upkeep(ring.desk, b"x", whole=True)
        assert len(list(ring.books.audit.entries())) == old  # nothing before its time
        ring.clock[0] += 20 * DAY
        ring.join("b")
        kept = [one.object for one in ring.books.audit.entries()][old:]
        ring.clock[0] += 11 * DAY
        upkeep(ring.desk, b"x", whole=True)
        left = list(ring.books.audit.entries())
        assert [one.object for one in left][: len(kept)] == kept
        assert [one.act for one in left][len(kept) :] == ["expire-audit"]
        verified = ring.books.audit.verify("")
        assert (verified.whole, verified.checkpoint.last, verified.checkpoint.count) == (True, old, old)
        upkeep(ring.desk, b"x", whole=True)
        assert len(list(ring.books.audit.entries())) == len(left)  # twice is once
    done = typed(["hub", "audit", "verify", "--hub", hub, "--json"])
    assert (done.returncode, json.loads(done.stdout)["whole"]) == (0, True)
    for lang, words in (("ja", "b"), ("en", "b")):
        shown = typed(["--lang", lang, "hub", "audit", "list", "--hub", hub, "--act", "member"])
        assert (shown.returncode, words in shown.stdout) == (0, True)
    assert json.loads(typed(["hub", "audit", "list", "--hub", hub, "--json"]).stdout)["entries"]
