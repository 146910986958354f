"""Descriptions from a browser: checked like those of the command line, and without a hand on this machine."""

from pathlib import Path

import pytest

from sekisho.errors import ConflictError, DescriptionError
from sekisho.model.case_life import Actor
from sekisho.wiring.console import Console
from sekisho.wiring.console_descriptions import DescriptionDesk

WHO = Actor("関守", "admin")
GOOD = """maker = "A"
model = "R1"
[[interfaces]]
name = "lan"
addresses = ["192.168.0.1"]
[[services]]
name = "web"
protocol = "http"
port = 80
[[logins]]
name = "admin"
service = "web"
kind = "basic"
preset = { user = "admin", password = "hush-hush" }
"""
UPDATE = '[update]\nversion = { path = "/" }\nupload = { path = "/" }\n'


@pytest.fixture
def desk(tmp_path: Path) -> DescriptionDesk:
    console = Console(tmp_path / "data", create=True)
    return console.descriptions


def test_a_good_one_is_kept_for_its_owner_alone_and_shown_without_its_codes(
    desk: DescriptionDesk, tmp_path: Path
) -> None:
    desk.put("r1.toml", GOOD, WHO)
    file = tmp_path / "data" / "terminals" / "r1.toml"
    assert file.read_text(encoding="utf-8") == GOOD
    assert file.stat().st_mode & 0o077 == 0
    kept = desk.kept("r1.toml")
    assert kept is not None
    assert kept.terminal is not None
    assert kept.terminal.logins[0].preset is not None
    assert kept.terminal.logins[0].preset.password == "«secret»"


def test_another_one_of_that_name_is_never_painted_over_unseen(desk: DescriptionDesk) -> None:
    desk.put("r1.toml", GOOD, WHO)
    newer = GOOD.replace("R1", "R2")
    with pytest.raises(ConflictError):
        desk.put("r1.toml", newer, WHO)
    seen = desk.kept("r1.toml")
    assert seen is not None
    desk.put("r1.toml", newer, WHO, replaces=seen.digest)
    with pytest.raises(ConflictError):
        desk.put("r1.toml", GOOD, WHO, replaces=seen.digest)


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ('[power]\ndriver = "command"\ncut = ["rm", "-rf", "/"]\nrestore = ["true"]\n', "power.cut"),
        ('[power]\ncut = ["rm"]\n', "power.cut"),
        ('[reset]\ndriver = "command"\ncommand = ["sh"]\n', "reset.command"),
        ('[[units]]\nid = "a"\ncode = { file = "/etc/shadow" }\n', "units[0].code"),
        ('[[units]]\nid = "a"\ncode = { env = "DATABASE_URL" }\n', "units[0].code"),
        ('[[units]]\nid = "a"\ncode = { unit = "a", env = "DATABASE_URL" }\n', "units[0].code"),
        (UPDATE + 'images = { newer = "/etc/passwd" }\n', "update.images.newer"),
        (UPDATE + 'newest = { web = "../key" }\n', "update.newest.web"),
        ('[documents]\nmanual = "other.toml"\n', "documents.manual"),
        ('[documents]\nmodel_label = "/etc/hostname"\n', "documents.model_label"),
    ],
)
def test_what_reaches_into_this_machine_is_refused(desk: DescriptionDesk, added: str, named: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        desk.put("r1.toml", GOOD + added, WHO)
    assert named in refused.value.where
    assert desk.kept("r1.toml") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "maker = ", "nothing = 1\n", GOOD.replace("192.168.0.1", "x"), "\x00", "[" * 5000,
        f"maker = {'[' * 2000}", f"maker = {'9' * 5000}",
    ],
)  # fmt: skip
def test_a_faulty_one_is_refused_with_its_place_and_not_with_ours(desk: DescriptionDesk, text: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        desk.put("r1.toml", text, WHO)
    assert "/tmp" not in refused.value.where


@pytest.mark.parametrize(
    "name", ["", "x", "../x.toml", ".x.toml", "a/b.toml", "x.toml\n", "x" * 100 + ".toml"]
)
def test_a_name_is_a_name(desk: DescriptionDesk, name: str) -> None:
    with pytest.raises(DescriptionError):
        desk.put(name, GOOD, WHO)


@pytest.mark.parametrize(
    "own",
    [
        GOOD + '[power]\ndriver = "command"\ncut = ["plug", "off"]\nrestore = ["plug", "on"]\n',
        GOOD.replace('"hush-hush"', '{ env = "ROUTER_CODE" }'),
        GOOD + "no such field = 1",
    ],
)
def test_what_the_machines_owner_wrote_is_not_replaced_by_a_browser(
    desk: DescriptionDesk, tmp_path: Path, own: str
) -> None:
    file = tmp_path / "data" / "terminals" / "r1.toml"
    file.parent.mkdir(parents=True)
    file.write_text(own, encoding="utf-8")
    kept = desk.kept("r1.toml")
    assert kept is not None
    with pytest.raises(DescriptionError) as refused:
        desk.put("r1.toml", GOOD, WHO, replaces=kept.digest)
    assert refused.value.where.startswith("r1.toml")
    assert file.read_text(encoding="utf-8") == own


def test_a_replaced_one_is_kept_beside(desk: DescriptionDesk, tmp_path: Path) -> None:
    desk.put("r1.toml", GOOD, WHO)
    seen = desk.kept("r1.toml")
    assert seen is not None
    desk.put("r1.toml", GOOD.replace("R1", "R2"), WHO, replaces=seen.digest)
    before = tmp_path / "data" / "terminals" / "replaced" / f"r1.toml.{seen.digest[:16]}"
    assert before.read_text(encoding="utf-8") == GOOD
    assert before.stat().st_mode & 0o077 == 0
