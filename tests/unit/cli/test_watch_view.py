"""What a running watch prints of its receiver."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.cli.watch_view import _Lines, _Screen
from sekisho.language import Text
from sekisho.wiring.live import receiving
from sekisho.wiring.watch import Watch
from sekisho.workflows.receive import Told
from sekisho.workflows.watch import Figures

FIGURES = Figures(1_000, (), (), 0, 0, ())
NOTE = Text(ja="通常の受信に戻した", en="receives as usual")


def told(*notes: Text) -> Told:
    return Told(1, "s", (), 1.0, notes, ())


def test_what_the_receiver_remarks_is_printed_once_and_again_when_it_is_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = [told(), told(NOTE), told(NOTE), told(NOTE, Text(ja="別のこと", en="something else"))]
    lines = _Lines(lambda: answers.pop(0), as_json=False)
    printed = []
    while answers:
        lines.show(FIGURES)
        out = capsys.readouterr().out
        printed.append((out.count("as usual") + out.count("戻した"), out.count("else") + out.count("別の")))
    assert printed == [(0, 0), (1, 0), (0, 0), (0, 1)]


def test_programs_find_it_in_the_receiver_s_figures(capsys: pytest.CaptureFixture[str]) -> None:
    _Lines(lambda: told(NOTE), as_json=True).show(FIGURES)
    assert '"notes":[{"ja":"通常の受信に戻した","en":"receives as usual"}]' in capsys.readouterr().out


def test_the_screen_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with _Screen(lambda: told(NOTE)) as screen:
        screen.show(FIGURES)
    out = capsys.readouterr().out
    assert "as usual" in out or "戻した" in out


def test_a_packet_ring_is_asked_for_by_the_setting_or_the_flag(tmp_path: Path) -> None:
    for setting, flag, ring in ((False, False, False), (True, False, True), (False, True, True)):
        (tmp_path / "watch.toml").write_text(f"packet_ring = {str(setting).lower()}\n", encoding="utf-8")
        with Watch(tmp_path) as watch:
            assert receiving(watch, listen=(), ports=(), disk=False, ring=flag).ring is ring
