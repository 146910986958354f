"""Captures frame by frame and photos as pictures: hostile octets are text, and only analysts see what the wire held."""

from __future__ import annotations

import pytest

from fakes.capture import Seen
from fakes.console import Browser
from sekisho.formats import pcap
from sekisho.model.account import Role
from sekisho.stores.evidence_folder import EvidenceFolder
from sekisho.web.office import Office

AT = "2026-11-21T01:02:03+00:00"
HOSTILE = b"<script>alert(1)</script>\r\n"
FRAMES = [Seen().ip(), Seen(payload=0, flags=0x18).ip() + HOSTILE, b"\xff" * 9] + [Seen(dport=80).ip()] * 150


@pytest.fixture
def kept(office: Office) -> dict[str, str]:
    store = EvidenceFolder(office.console.folder / "assessments" / "one", lambda: AT, create=True)
    store.append("opened", {"id": "one", "record": {}})
    whole = pcap.file_header() + b"".join(pcap.packet(1_700_000_000 + n, one) for n, one in enumerate(FRAMES))
    found = {}
    for name, content in {
        "whole": whole,
        "torn": whole[:-5],
        "none": b"no capture",
        "empty": pcap.file_header(),
    }.items():
        (store.path / "capture" / f"{name}.pcap").write_bytes(content)
        found[name] = str(store.enlist(f"capture/{name}.pcap", "capture").body["sha256"])
    for name, content in {
        "png": b"\x89PNG\r\n\x1a\n" + bytes(9), "svg": b"<svg xmlns='x'><script>1</script></svg>", "html": HOSTILE,
    }.items():  # fmt: skip
        found[name] = store.keep(content, kind="attachment", name=f"<b>{name}")
    store.close()
    return found


def _path(digest: str, more: str = "") -> str:
    return f"/assess/one/captures/{digest}{more}"


def test_frames_stand_in_pages_and_each_has_its_octets(kept: dict[str, str], browser: Browser) -> None:
    own = browser(Role.ANALYST)
    first = own.get(_path(kept["whole"])).text
    assert "153 フレーム" in first
    assert "192.0.2.7:40000" in first
    assert "&lt;script&gt;alert(1)" in first
    assert "<script>alert" not in first
    assert "after=100" in first
    assert "?frame=100" in first
    assert "?frame=101" not in first
    second = own.get(_path(kept["whole"], "?after=100")).text
    assert "after=100&amp;frame=153" in second
    assert "これで全部" in second
    one = own.get(_path(kept["whole"], "?frame=2")).text
    assert "3c 73 63 72 69 70 74 3e" in one
    assert "frame=1" in one
    beyond = own.get(_path(kept["whole"], "?frame=999&after=999"))
    assert beyond.status_code == 200
    assert "フレームがない" in beyond.text


@pytest.mark.parametrize("more", ["?after=-1", "?after=x", "?frame=99999999999999999999", "?after=１"])
def test_a_number_is_a_number(kept: dict[str, str], browser: Browser, more: str) -> None:
    assert browser().get(_path(kept["whole"], more)).status_code == 400


def test_damage_is_told(kept: dict[str, str], browser: Browser) -> None:
    own = browser()
    assert "packet-torn" in own.get(_path(kept["torn"])).text
    assert own.get(_path(kept["none"])).status_code == 400
    assert "フレームがない" in own.get(_path(kept["empty"])).text
    assert own.get(_path("0" * 64)).status_code == 404


def test_who_only_looks_sees_no_capture(kept: dict[str, str], browser: Browser) -> None:
    viewer = browser(Role.VIEWER)
    assert viewer.get(_path(kept["whole"])).status_code == 403
    assert "/captures/" not in viewer.get("/assess/one").text


def test_only_a_picture_is_shown_as_one(kept: dict[str, str], browser: Browser) -> None:
    own = browser(Role.VIEWER)
    shown = own.get(f"/assess/one/pictures/{kept['png']}")
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    for name in ("svg", "html", "whole"):
        assert own.get(f"/assess/one/pictures/{kept[name]}").status_code == 404
        assert "<img" not in own.get(f"/assess/one/evidence/{kept[name]}").text.split("<main", 1)[1]
    assert 'class="photo"' in own.get(f"/assess/one/evidence/{kept['png']}").text
