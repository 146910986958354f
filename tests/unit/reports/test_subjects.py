"""Subjects and arguments in words: Japanese reports hold no ids where a word is known; English ones stay."""

from __future__ import annotations

import pytest

from sekisho.language import Language
from sekisho.reports.content.subjects import argument, subject


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("setting dns after 0.5 s", "設定「dns」（保存の0.5秒後に電源断）"),
        ("setting dns of web at wan as none", "設定「dns」（webの、wan側、識別符号なし）"),
        ("login web at wan", "ログイン経路「web」（wan側）"),
        ("login web parallel 20", "ログイン経路「web」（並列20）"),
        ("login web something else", "login web something else"),
        ("code web after 10 s", "識別符号「web」（保存の10秒後に電源断）"),
        ("software update cut 2 s", "ソフトウェア（更新の2秒目に電源断）"),
        ("software", "ソフトウェア"),
        ("units A B", "個体 A・B"),
        ("image repaired", "イメージ：検査値を直した改変"),
        ("lan tcp/80", "lan tcp/80"),
        ("", ""),
    ],
)
def test_subjects(text: str, japanese: str) -> None:
    assert subject(text, Language.JA) == japanese
    assert subject(text, Language.EN) == text


def test_arguments() -> None:
    assert argument("who", "none", Language.JA) == "識別符号なし"
    assert argument("images", "flipped, repaired, odd", Language.JA) == "1バイト改変、検査値を直した改変、odd"
    assert argument("mode", "parallel 5", Language.JA) == "並列5"
    assert argument("keys", "setting dns, software version", Language.JA) == "設定「dns」、ソフトウェアの版"
    assert argument("keys", 3, Language.JA) == 3
    assert argument("who", "none", Language.EN) == "none"
    assert argument("user", "none", Language.JA) == "none"
