"""What a line is about, in the reader's language: facts name their subjects by ids, people read words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sekisho.language import Language

_WHO = {
    "none": "識別符号なし",
    "right": "正しい識別符号",
    "wrong": "誤った識別符号",
    "low": "権限の低い利用者",
}
_IMAGES = {
    "flipped": "1バイト改変",
    "flipped-description": "記述の1バイト改変",
    "truncated": "切り詰め",
    "repaired": "検査値を直した改変",
    "repaired-description": "検査値を直した記述の改変",
    "other_key": "別の鍵の署名",
    "unsigned": "署名なし",
    "older": "古い版",
    "newer": "新しい版",
    "late": "しばらく後",
}
_WAYS = {
    "serial": "一つずつ",
    "second-source": "二つ目のアドレス",
    "after-reboot": "再起動の後",
    "single": "同じ文字の並び",
    "short": "短い",
    "sequential": "連続した文字",
    "attacked": "攻撃に使われた",
    "same": "元と同じ",
}
_KINDS = {
    "setting": "設定",
    "code": "識別符号",
    "login": "ログイン経路",
    "page": "ページ",
    "software": "ソフトウェア",
}
_NAMED = re.compile(
    r"^(?P<kind>setting|code|login) (?P<name>\S+)(?: of (?P<of>\S+))?(?: at (?P<at>\S+))?"
    r"(?: as (?P<who>\w+)| after (?P<after>[\d.]+) s| (?P<way>[a-z-]+)(?: (?P<number>\d+))?)?$"
)
_SOFTWARE = re.compile(
    r"^software(?: after (?P<after>[\d.]+) s| update cut (?P<cut>[\d.]+) s| (?P<key>version))?$"
)
_UNITS = re.compile(r"^units? (?P<names>.+)$")
_IMAGE = re.compile(r"^image (?P<name>[a-z_-]+)$")


def subject(text: str, language: Language) -> str:
    """Return the subject of a fact for people; one that isn't known stays as it is, never nothing."""
    if language is not Language.JA:
        return text
    if found := _NAMED.match(text):
        return _named(found)
    if found := _SOFTWARE.match(text):
        after, cut = found["after"], found["cut"]
        tail = f"（保存の{after}秒後に電源断）" if after else f"（更新の{cut}秒目に電源断）" if cut else ""
        return f"ソフトウェア{'の版' if found['key'] else ''}{tail}"
    if found := _UNITS.match(text):
        return f"個体 {'・'.join(found['names'].split())}"
    if found := _IMAGE.match(text):
        return f"イメージ：{_IMAGES.get(found['name'], found['name'])}"
    return text


def _named(found: re.Match[str]) -> str:
    way, number = found["way"], found["number"] or ""
    if way and way not in {*_WAYS, "parallel"}:
        return found[0]
    notes = [f"{found['of']}の" if found["of"] else "", f"{found['at']}側" if found["at"] else ""]
    notes += [_WHO.get(found["who"], found["who"]) if found["who"] else ""]
    notes += [f"保存の{found['after']}秒後に電源断" if found["after"] else ""]
    notes += [f"並列{number}" if way == "parallel" else _WAYS[way] if way else ""]
    tail = "、".join(filter(None, notes))
    return f"{_KINDS[found['kind']]}「{found['name']}」" + (f"（{tail}）" if tail else "")


def _each(words: Mapping[str, str]) -> Callable[[str], str]:
    return lambda text: "、".join(words.get(one, one) for one in text.split(", "))


def _mode(text: str) -> str:
    head, _, number = text.partition(" ")
    return f"並列{number}" if head == "parallel" else _WAYS.get(text, text)


_ARGUMENTS: Mapping[str, Callable[[str], str]] = {
    "who": lambda text: _WHO.get(text, text),
    "images": _each(_IMAGES),
    "mode": _mode,
    "keys": lambda text: "、".join(subject(one, Language.JA) for one in text.split(", ")),
}


def argument(key: str, value: object, language: Language) -> object:
    """Return an argument of a reason for people: ids of its key become words, anything else stays as it is."""
    spoken = _ARGUMENTS.get(key)
    return spoken(value) if spoken and isinstance(value, str) and language is Language.JA else value


__all__ = ["argument", "subject"]
