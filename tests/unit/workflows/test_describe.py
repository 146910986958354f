"""Descriptions are checked at the door, and every refusal names file and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.errors import DescriptionError
from sekisho.model.terminal import Interface, Login, Recipe, Role, Service
from sekisho.workflows.describe import read_terminal, terminal_at, write_terminal

GOOD = """
maker = "m"
model = "r"
[[interfaces]]
name = "lan"
addresses = ["192.168.1.1"]
[[services]]
name = "web"
protocol = "http"
port = 80
[[units]]
id = "A"
code = { file = "a.code" }
[[logins]]
name = "web"
service = "web"
kind = "form"
sign_in = { method = "POST", path = "/login", fields = { u = "{user}", p = "{password}" } }
preset = { user = "admin", password = { unit = "A" } }
current = { user = "admin", password = { env = "PASSWORD" } }
"""


def read(tmp_path: Path, text: str):
    (tmp_path / "a.code").write_text("x7Q!\n", encoding="utf-8")
    file = tmp_path / "t.toml"
    file.write_text(text, encoding="utf-8")
    return read_terminal(file, {"PASSWORD": "from-env"})


def test_secrets_are_resolved(tmp_path: Path) -> None:
    terminal = read(tmp_path, GOOD)
    login = terminal.logins[0]
    assert terminal.units[0].code == "x7Q!"
    assert login.preset
    assert login.preset.password == "x7Q!"
    assert login.current
    assert login.current.password == "from-env"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("port = 80", 'port = "80"', r"services\[0\]\.port|\$\.services"),
        ("port = 80", "port = 0", "not a port"),
        ('service = "web"', 'service = "wab"', "there is no service 'wab'"),
        ('kind = "form"', 'kind = "magic"', "magic"),
        ('"192.168.1.1"', '"router"', "not an IP address"),
        ('maker = "m"', 'maker = "m"\nmakr = 1', "makr"),
        ('id = "A"', 'id = "A"\n[[units]]\nid = "A"', "twice"),
        ('env = "PASSWORD"', 'env = "NOWHERE"', "env NOWHERE"),
        ('unit = "A"', 'unit = "B"', "unit B"),
        ('addresses = ["192.168.1.1"]', "addresses = []", "no interface has an address"),
        ('model = "r"', "model = ", "Invalid"),
        ("sign_in", "#sign_in", "needs a recipe"),
        ("preset =", "no_preset = true\npreset =", r"logins\[web\]\.no_preset"),
        ("preset =", 'set_up = { make = { path = "{link}" } }\npreset =', r"logins\[web\]\.set_up: needs"),
        (
            'maker = "m"',
            'maker = "m"\nupdate = { version = {}, install = ["install"] }',
            r"update\.install: no word holds \{file\}",
        ),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    import re

    assert re.search(says, caught.value.where), caught.value.where


def test_address_only() -> None:
    assert terminal_at("fd00::1").interfaces[0].addresses == ("fd00::1",)
    with pytest.raises(DescriptionError):
        terminal_at("router.local")


def test_what_init_writes_can_be_read(tmp_path: Path) -> None:
    text = write_terminal(
        '関所"製作所',
        "R1",
        [Interface(name="lan", role=Role.LAN, addresses=("192.168.1.1",))],
        [Service(name="web", protocol="http", port=80)],
        [
            Login(
                name="web",
                service="web",
                kind="form",
                sign_in=Recipe(method="POST", path="/l", fields={"p": "{password}"}),
            )
        ],
    )
    file = tmp_path / "t.toml"
    file.write_text(text, encoding="utf-8")
    terminal = read_terminal(file)
    assert terminal.maker == '関所"製作所'
    assert terminal.logins[0].sign_in
    assert terminal.logins[0].sign_in.fields == {"p": "{password}"}
    # Every commented sample is valid too, once it is uncommented.
    samples = text[: text.index("# [[settings]]")] + "\n".join(
        line.removeprefix("# ") for line in text[text.index("# [[settings]]") :].splitlines()
    )
    samples = samples.replace(
        'images = { current = "1.0.bin", newer = "1.1.bin", older = "0.9.bin", other_key = "other.bin" }',
        "images = {}",
    )
    (tmp_path / "unit-a.code").write_text("x", encoding="utf-8")
    file.write_text(samples, encoding="utf-8")
    whole = read_terminal(file)
    assert whole.settings
    assert whole.power
    assert whole.update
