"""Words for the ids that units and stores count by: why a record was rejected, why a dataset was deleted."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.cli.speech import t

_REJECTED: Mapping[str, str] = {
    "block-damaged": t("ブロックが壊れている", "damaged block"),
    "block-length": t("ブロックの長さがあり得ない", "impossible length of a block"),
    "block-torn": t("ファイルが途中で切れている", "the file ends within a block"),
    "counter": t("あり得ない数", "impossible counter"),
    "duration": t("長さが読めない", "unreadable duration"),
    "end": t("終わりの時刻が読めない", "unreadable end"),
    "line": t("読めない行", "unreadable line"),
    "not-ip": t("IPでない", "not IP"),
    "octetDeltaCount": t("オクテット数が読めない", "unreadable count of octets"),
    "packetDeltaCount": t("パケット数が読めない", "unreadable count of packets"),
    "port": t("ポートが範囲にない", "port out of range"),
    "protocol": t("プロトコルが読めない", "unreadable protocol"),
    "record-length": t("記録の長さがあり得ない", "impossible length of a record"),
    "record-without-flow": t("フローのない記録", "record without a flow"),
    "start": t("始まりの時刻が読めない", "unreadable start"),
    "ts": t("時刻が読めない", "unreadable time"),
    "address": t("アドレスが読めない", "unreadable address"),
    "columns": t("列の数が違う", "wrong number of columns"),
    "ends-before-begin": t("終わりが始まりより前", "ends before it begins"),
    "host-bits": t("接頭辞より後のビットがある", "bits beyond the prefix"),
    "impossible-interval": t("あり得ない期間", "impossible interval"),
    "impossible-time": t("あり得ない時刻", "impossible time"),
    "in-the-future": t("未来の時刻（in-the-future）", "a time in the future (in-the-future)"),
    "inside": t("内側のアドレスが読めない", "unreadable inside address"),
    "line-too-long": t("長すぎる行", "line too long"),
    "network": t("アドレス帯が読めない", "unreadable prefix"),
    "no-account": t("契約の番号がない", "no account"),
    "no-accounting-record": t("課金の記録でない", "no accounting record"),
    "no-address": t("アドレスがない", "no address"),
    "no-session": t("セッションの番号がない", "no session"),
    "no-time": t("時刻がない、又は読めない", "no time, or an unreadable one"),
    "no-time-zone": t("時刻の時間帯が分からない", "time zone unknown"),
    "packet-torn": t("パケットが途中で切れている", "torn packet"),
    "port-out-of-range": t("ポートが範囲にない", "port out of range"),
    "short": t("短すぎる", "too short"),
    "time": t("時刻が読めない", "unreadable time"),
    "too-old": t("保存期限を過ぎている（too-old）", "past its retention (too-old)"),
}  # fmt: skip
_PLACES: Mapping[str, str] = {
    "line ": t("行 ", "line "),
    "block ": t("ブロック ", "block "),
    "octet ": t("オクテット ", "octet "),
    "row group ": t("行グループ ", "row group "),
    "row ": t("行 ", "row "),
}
_DELETED: Mapping[str, str] = {
    "again": t("取り込み直し", "taken in anew"),
    "expired": t("期限", "its time was over"),
    "label": t("期限", "its time was over"),
    "label-unreadable": t("札が読めない", "unreadable label"),
    "retention": t("期限", "its time was over"),
}
_DATASETS: Mapping[str, str] = {
    "staff-names": t("自社の人の名前", "names of own people"),
    "assignments": t("割当の記録", "assignments"),
    "audit": t("監査記録", "audit log"),
    "cases": t("事案", "cases"),
    "contacts": t("連絡先", "contacts"),
    "detections": t("検出", "detections"),
    "flow": t("フロー", "flows"),
    "notices": t("お知らせ", "notices"),
    "records": t("フロー", "flows"),
    "spool": t("受信したままのデータグラム", "datagrams as received"),
}


def rejected_word(reason: str) -> str:
    """Return why a record was rejected; an id that is not in the list stays as it is."""
    return _REJECTED.get(reason, reason)


def place_word(where: str) -> str:
    """Return where a record stood, such as ``line 4`` or ``block 0, octet 40``, in the language of this run."""
    for english, word in _PLACES.items():
        where = where.replace(english, word)
    return where


def deletion_word(reason: str) -> str:
    """Return why a dataset was deleted; an id that is not in the list stays as it is."""
    return _DELETED.get(reason, reason)


def dataset_word(name: str) -> str:
    """Return what a dataset is called; one that is not in the list keeps its name."""
    return _DATASETS.get(name, name)
