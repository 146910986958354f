"""The record of an authorisation as a file: whatever a name holds, it reads back as it was written."""

from datetime import date
from pathlib import Path

from sekisho.workflows.authorise import authorised, to_toml
from sekisho.workflows.describe import read_authorisation


def test_a_name_with_any_sign_reads_back(tmp_path: Path) -> None:
    name = "".join(chr(one) for one in (*range(1, 0x20), 0x7F, 0x85, 0x3042, 0x1F600)) + '"\\'
    made = authorised(["192.168.0.1"], f"a{name}b", date(2026, 11, 21), statement="yes")
    file = tmp_path / "a.toml"
    file.write_text(to_toml(made), encoding="utf-8", newline="")
    assert read_authorisation(file) == made
