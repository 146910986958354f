"""A user without a name, as containers have them, has a number."""

from __future__ import annotations

import os
import pwd
from typing import NoReturn

import pytest

from sekisho.wiring.login import login


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "sato")
    assert login() == "sato"
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 10_001)

    def nobody(uid: int) -> NoReturn:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert login() == "uid 10001"
