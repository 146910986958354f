"""Key files: made once, private, never overwritten, torn ones told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.errors import StoreError
from sekisho.language import Language
from sekisho.stores.keys import key_at, make_key, read_key


def test_a_key_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pseudonyms.key"
    key = key_at(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert not make_key(path)
    assert path.read_bytes() == before
    assert key_at(path) == read_key(path) == key
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert key_at(tmp_path / "other.key") != key


def test_many_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    code = "import sys; from pathlib import Path; from sekisho.stores.keys import key_at; print(key_at(Path(sys.argv[1])).hex())"
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) for _ in range(6)
    ]
    assert len({one.communicate(timeout=60)[0] for one in started}) == 1
    assert all(one.returncode == 0 for one in started)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o666])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    key_at(path)
    path.chmod(mode)
    with pytest.raises(StoreError) as error:
        key_at(path)
    assert "chmod 600" in error.value.explain(Language.JA)


@pytest.mark.parametrize("length", [0, 1, 20, 87])
def test_a_torn_key_is_no_key_and_is_left_alone(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.key"
    key_at(path)
    torn = path.read_bytes()[:length]
    path.write_bytes(torn)
    with pytest.raises(StoreError, match="torn"):
        key_at(path)
    assert path.read_bytes() == torn


def test_an_altered_key_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    key_at(path)
    content = bytearray(path.read_bytes())
    content[20] = ord("0") if content[20] != ord("0") else ord("1")
    path.write_bytes(content)
    with pytest.raises(StoreError, match="torn"):
        read_key(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    key_at(tmp_path / "a.key")
    (tmp_path / "b.key").symlink_to(tmp_path / "a.key")
    with pytest.raises(StoreError):
        key_at(tmp_path / "b.key")


def test_a_key_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.key"
    key_at(path)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)  # only root can give a file away
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StoreError, match="this user"):
        read_key(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        key_at(tmp_path / "file" / "a.key")
