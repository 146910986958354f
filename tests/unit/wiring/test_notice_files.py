"""Which notices can't be in a file: put aside for a person, so that the others go."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from pypdf import PdfReader

from fakes.notices import HANAKO, JST, Clock, Directory, office, with_cases
from sekisho.model.notice import Channel, NoticeState
from sekisho.wiring.notice_files import NoticeFile
from sekisho.workflows.notify import Ready, approve, draft, hand_over


def local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, JST)


BAD = {
    Channel.LETTER: {
        "c000000": ({"name": "山田 \U0001f600"}, "unprintable: \U0001f600"),
        "c000001": ({"postal_address": "とても長い住所" * 60}, "not-rendered"),
        "c000002": ({"postal_address": " "}, "no-address"),
    },
    Channel.PRINTING: {"c000001": ({"postal_address": ""}, "no-address")},
    Channel.CALL: {"c000001": ({"telephone": " "}, "no-telephone")},
    Channel.XARF: {},
}


@pytest.mark.parametrize("channel", list(BAD))
def test_what_can_t_go_is_put_aside_and_the_others_go(tmp_path: Path, channel: Channel) -> None:
    made = office(tmp_path, Clock())
    for one in draft(with_cases(made, 5), HANAKO, made, channel=channel).notices:
        approve(one.id, one.digest, HANAKO, made)
    bad = BAD[channel]
    file = NoticeFile(channel, made.settings, local, local(made.now()))
    octets: list[bytes] = []

    def write(batch: list[Ready]) -> str:
        octets.append(file.octets(batch))
        return "file"

    people = Directory({name: changes for name, (changes, _) in bad.items()})
    steps = list(hand_over(HANAKO, channel, people, write, made, unfit=file.unfit))
    held = {one.notice.case: one.why for one in steps if one.what == "withheld"}
    assert held.keys() == bad.keys()
    assert all(held[name].startswith(why) for name, (_, why) in bad.items())
    assert [one.what for one in steps].count("sent") == 5 - len(bad)
    assert len(made.notices.find((NoticeState.WITHHELD,))) == len(bad)
    assert len(octets) == 1
    if channel is Channel.LETTER:
        (tmp_path / "letters.pdf").write_bytes(octets[0])
        assert len(PdfReader(tmp_path / "letters.pdf").pages) == 2


def test_a_report_without_an_address_is_put_aside(tmp_path: Path) -> None:
    made = office(tmp_path, Clock())
    (one,) = draft(with_cases(made, 1), HANAKO, made, channel=Channel.XARF).notices
    found = msgspec.structs.replace(Directory()(one.case), address="")
    file = NoticeFile(Channel.XARF, made.settings, local, local(made.now()))
    assert file.unfit(Ready(one, made.cases.case(one.case), found)).startswith("not-rendered")
