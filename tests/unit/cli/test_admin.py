"""``sekisho admin reset``, typed as by its user."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from fakes.command import typed
from fakes.gate import BETTER, GOOD, HOME, House, entered
from sekisho.wiring.moment import milliseconds
from sekisho.workflows import sign_in


def reset(cwd: Path, *words: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
    return typed(["admin", "reset", *words], cwd=cwd, env={**os.environ, "SEKISHO_LANG": lang}, timeout=60)


def test_the_way_back_in(tmp_path: Path) -> None:
    data = tmp_path / "watch-data"
    data.mkdir()
    house = House(data)
    boss = house.admin("花子", milliseconds())
    done = reset(tmp_path, "--json", "--url", "https://console.example/")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    before, link = said["set_up"].rsplit("/", 1)
    assert (before, said["minutes"]) == ("https://console.example/set-up", 15)
    at = milliseconds()
    assert house.whoami(boss, at) is None
    back = entered(sign_in.redeem_setup(house.gate, link, "", BETTER, HOME, at))
    assert back.account.name == "花子"
    assert not isinstance(sign_in.sign_in_password(house.gate, "花子", GOOD, HOME, at), sign_in.SignedIn)
    (entry,) = (one for one in house.log() if one.act == "reset-accounts")
    assert entry.role == "file-access"
    assert entry.who
    house.database.close()


def test_in_words_and_when_it_cannot(tmp_path: Path) -> None:
    missing = reset(tmp_path)
    assert missing.returncode == 2
    assert "cases" in missing.stderr
    data = tmp_path / "watch-data"
    data.mkdir()
    house = House(data)
    assert reset(tmp_path).returncode == 2  # nobody to make an admin again
    boss = house.admin("Hanako", milliseconds())
    other = reset(tmp_path, "nobody")
    assert (other.returncode, "Hanako" in other.stderr) == (2, True)
    assert house.whoami(boss, milliseconds())
    for lang, word in (("ja", "全員のセッション"), ("en", "All sessions")):
        done = reset(tmp_path, "HANAKO", lang=lang)
        assert done.returncode == 0, done.stderr
        assert word in done.stdout
        assert "/set-up/" in done.stdout
    house.database.close()
