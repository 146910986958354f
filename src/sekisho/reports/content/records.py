"""The record fields of 認定規則, the terminal, the authorisation and the applicability, as lines.

Only chosen fields of a description are printed: its codes, recipes and paths on our side never are.
"""

from __future__ import annotations

from sekisho.language import Language, Text
from sekisho.model.terminal import Applicability, Terminal
from sekisho.ports import Document
from sekisho.reports.content import words
from sekisho.reports.content.parts import Grid, Line
from sekisho.reports.content.shown import day, moment

_RECORD: dict[str, Text] = {
    "number": Text(ja="番号（認証・届出・試験）", en="Number (certification, notification or test)"),
    "date": Text(ja="試験年月日", en="Date of test"),
    "place": Text(ja="試験の場所", en="Place of test"),
    "person": Text(ja="試験の責任者", en="Person responsible"),
    "method": Text(ja="試験の方法", en="Method"),
    "subcontractor": Text(ja="試験を委託した者", en="Subcontractor"),
}
_TERMINAL: dict[str, Text] = {
    "maker": Text(ja="製造者", en="Maker"),
    "model": Text(ja="型式", en="Model"),
    "kind": Text(ja="種類", en="Kind"),
    "hardware": Text(ja="ハードウェアの版", en="Hardware version"),
    "software": Text(ja="ソフトウェアの版", en="Software version"),
}
_DOCUMENTS: dict[str, Text] = {
    "manual": Text(ja="取扱説明書", en="Manual"),
    "vulnerability_contact": Text(ja="脆弱性の連絡先", en="Vulnerability contact"),
    "support_period": Text(ja="サポート期間", en="Support period"),
    "model_label": Text(ja="型式の表示", en="Model label"),
}
_AUTHORISATION: dict[str, Text] = {
    "allowed_by": Text(ja="許可した者", en="Allowed by"),
    "role": Text(ja="立場", en="Acting as"),
    "organisation": Text(ja="所属", en="Organisation"),
    "statement": Text(ja="許可の文言", en="Statement"),
    "signed_on": Text(ja="許可の日", en="Signed on"),
    "addresses": Text(ja="許可された範囲", en="Addresses allowed"),
    "valid_from": Text(ja="有効期間 始め", en="Valid from"),
    "valid_until": Text(ja="有効期間 終わり", en="Valid until"),
    "macs": Text(ja="MACアドレスの限定", en="Pinned MAC addresses"),
    "host_keys": Text(ja="ホスト鍵の限定", en="Pinned host keys"),
    "risks": Text(ja="許可された試験の種類", en="Kinds of tests allowed"),
    "public_addresses": Text(ja="グローバルアドレスへの試験", en="Public addresses"),
}
_OPTIONAL = {"organisation", "macs", "host_keys", "public_addresses"}
PROVENANCE: dict[str, Text] = {
    "person": Text(ja="試験を行った者", en="Tester"),
    "place": Text(ja="場所", en="Place"),
    "tool": Text(ja="試験器", en="Tool"),
    "host": Text(ja="試験用計算機", en="Test computer"),
    "platform": Text(ja="動作環境", en="Platform"),
    "target": Text(ja="指定した対象", en="Target as given"),
}
_CONDITIONS: tuple[tuple[str, Text], ...] = (
    (
        "digital_data_line",
        Text(
            ja="① デジタルデータ伝送用設備に接続する専用通信回線設備等端末である",
            en="① It is a terminal for leased-circuit and similar facilities that connects to "
            "digital-data transmission facilities",
        ),
    ),
    (
        "internet_protocol",
        Text(ja="② その接続にインターネットプロトコルを使う", en="② It uses the Internet Protocol there"),
    ),
    (
        "settings_over_line",
        Text(
            ja="③ 電気通信の機能の設定を回線を介して変更できる",
            en="③ Settings of its communication functions can be changed over the line",
        ),
    ),
    (
        "free_software",
        Text(
            ja="④ 利用者が任意のソフトウェアで随時かつ容易にその機能を変更できる（除外）",
            en="④ The user can change those functions at any time and easily by any software (exempt)",
        ),
    ),
)
_ANSWER = {
    True: Text(ja="はい", en="Yes"),
    False: Text(ja="いいえ", en="No"),
    None: Text(ja="未回答", en="Not answered"),
}
_CONNECTION = {
    "direct": Text(ja="直接接続", en="Direct"),
    "indirect": Text(ja="間接接続（常に認定機器の内側）", en="Indirect, always behind certified equipment"),
    "none": Text(ja="接続しない", en="No connection"),
}
_HOW_CONNECTED = Text(ja="電気通信回線設備との接続", en="Connection to the carrier's line")
_WHY_FREE = Text(ja="④の理由", en="Reason for ④")
_EQUIVALENT = Text(ja="同等以上の措置（申告）", en="Equivalent or better measure (claimed)")
_EXPIRES = Text(ja="有効期限", en="expires")


def _line(label: str, text: str, language: Language, *, code: bool = False) -> Line:
    """Return a line; an empty text is shown as 未記入 and marked."""
    shown = text or words.WORDS["not_filled"].say(language)
    return Line(label=label, text=shown, missing=not text, code=code)


def record(document: Document) -> list[Line]:
    """Return the fields of the record, then the tool and the times."""
    language, kept = document.language, document.assessment.record
    japanese = language is Language.JA
    lines = [
        _line(label.say(language), day(getattr(kept, key), japanese=japanese), language)
        for key, label in _RECORD.items()
    ]
    assessment = document.assessment
    return [
        *lines,
        _line(words.WORDS["tool"].say(language), assessment.tool, language),
        _line(words.WORDS["assessment"].say(language), assessment.id, language, code=True),
        _line(words.WORDS["began"].say(language), moment(assessment.began), language),
        _line(words.WORDS["ended"].say(language), moment(assessment.ended), language),
    ]


def instruments(document: Document) -> Grid:
    """Return the instruments with their calibration; a missing field says so."""
    language = document.language
    heads = ["instrument", "maker", "model", "serial", "calibrated", "calibrated_by"]
    rows = [
        [
            value or words.WORDS["not_filled"].say(language)
            for value in (one.name, one.maker, one.model, one.serial, one.calibrated, one.calibrated_by)
        ]
        for one in document.assessment.record.instruments
    ]
    return Grid(heads=[words.WORDS[key].say(language) for key in heads], rows=rows)


def terminal(document: Document) -> list[Line]:
    """Return what the terminal is, and the documents that came with it."""
    language, described = document.language, document.terminal
    return [
        *(_line(label.say(language), getattr(described, key), language) for key, label in _TERMINAL.items()),
        *(
            _line(label.say(language), getattr(described.documents, key), language)
            for key, label in _DOCUMENTS.items()
        ),
    ]


def units(described: Terminal, language: Language) -> Grid:
    """Return the specimens."""
    return Grid(
        heads=[words.WORDS[key].say(language) for key in ("unit", "serial", "mac")],
        rows=[[one.id, one.serial or "—", one.mac or "—"] for one in described.units],
    )


def interfaces(described: Terminal, language: Language) -> Grid:
    """Return the interfaces and their addresses."""
    return Grid(
        heads=[words.WORDS[key].say(language) for key in ("interface", "role", "addresses", "mac")],
        rows=[
            [
                one.name,
                words.word(words.ROLE, one.role.value, language),
                ", ".join(one.addresses) or "—",
                one.mac or "—",
            ]
            for one in described.interfaces
        ],
    )


def authorisation(document: Document) -> list[Line]:
    """Return who allowed the test; every field that the law needs is shown even when it is missing."""
    language = document.language
    lines: list[Line] = []
    for key, label in _AUTHORISATION.items():
        value = document.authorisation.get(key)
        text = (
            ", ".join(str(one) for one in value)
            if isinstance(value, list | tuple)
            else _plain(value, language)
        )
        if text or key not in _OPTIONAL:
            lines.append(_line(label.say(language), text, language))
    return lines


def _plain(value: object, language: Language) -> str:
    if isinstance(value, bool):
        return _ANSWER[value].say(language) if value else ""
    return "" if value is None else str(value)


def applicability(declared: Applicability, language: Language) -> list[Line]:
    """Return ①–④ with the declared answers, the way of connection and a claimed equivalent measure."""
    lines = [
        Line(
            label=text.say(language),
            text=_ANSWER[getattr(declared, key)].say(language),
            missing=getattr(declared, key) is None,
        )
        for key, text in _CONDITIONS
    ]
    if declared.free_software_reason:
        lines.append(Line(label=_WHY_FREE.say(language), text=declared.free_software_reason))
    lines.append(
        _line(
            _HOW_CONNECTED.say(language),
            words.word(_CONNECTION, declared.connection, language) if declared.connection else "",
            language,
        )
    )
    return lines


def equivalent(declared: Applicability, language: Language) -> list[Line]:
    """Return the claim of an equivalent measure, or nothing."""
    claim = declared.equivalent
    if claim is None:
        return []
    parts = [claim.scheme, claim.certificate, claim.scope]
    if claim.expires:
        parts.append(f"{_EXPIRES.say(language)} {claim.expires.isoformat()}")
    return [Line(label=_EQUIVALENT.say(language), text=" / ".join(one for one in parts if one))]
