"""A hub is its key and its database together: without the one, or with another's, it doesn't open."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.command import typed
from fakes.sharing import indicator, opened_ring
from sekisho.errors import DescriptionError, StoreError


def test_a_hub_without_its_key_makes_no_other(tmp_path: Path) -> None:
    hub, other = tmp_path / "hub", tmp_path / "other"
    with opened_ring(hub) as ring:
        ring.join("a").post("a", "list-in", indicator())
        identity = ring.books.identity
    with opened_ring(other):
        pass
    key = hub / "hub.key"
    own = key.read_bytes()
    key.unlink()
    with pytest.raises(StoreError), opened_ring(hub):
        pass
    done = typed(["hub", "status", "--hub", hub])
    assert (done.returncode, key.exists()) == (2, False), done.stdout + done.stderr
    # The valid key of another hub.
    key.write_bytes((other / "hub.key").read_bytes())
    key.chmod(0o600)
    with pytest.raises(DescriptionError), opened_ring(hub):
        pass
    done = typed(["--lang", "en", "hub", "status", "--hub", hub])
    assert done.returncode == 2
    assert "not the key of this database's hub" in done.stdout + done.stderr
    key.write_bytes(own)
    with opened_ring(hub) as ring:
        assert ring.books.identity == identity
