"""Which hub this operator is a member of: a file that is wrong is said to be, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.errors import DescriptionError
from sekisho.wiring.membership import FILE, membership


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://hub.example/", "hub.example"), ("https://[2001:db8::7]:8443/", "[2001:db8::7]:8443"),
        ("https://kita:secret@hub.example:8443/", "hub.example:8443"), ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
    ],
)  # fmt: skip
def test_a_hub_is_shown_by_its_host_alone(tmp_path: Path, url: str, name: str) -> None:
    (tmp_path / FILE).write_text(f'hub = "{url}"\n')
    found = membership(tmp_path)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "url",
    ["", "hub.example", "http://hub.example/", "https://[x", "https://hub.example:port/", "https://:8443/"],
)
def test_what_is_no_hub_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / FILE).write_text(f'hub = "{url}"\n')
    with pytest.raises(DescriptionError, match="URL"):
        membership(tmp_path)


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert membership(tmp_path) is None
