"""What each setting of ``watch.toml`` means, and why some are not changed from a browser."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sekisho.language import Text

_PSEUDONYMS = Text(
    ja="回線の仮名が変わり、これまでの記録とつながらなくなる",
    en="pseudonyms of lines would change and fit nothing that was kept before",
)
_LAW = Text(
    ja="通信の秘密に触れる根拠と目的は、記録のラベルに残る判断であり、画面の一押しで変えるものではない",
    en="grounds and purposes are a decision about the secrecy of communications, kept in the labels of all data",
)
_RESTART = Text(ja="受信し直しが要る", en="the collector must be started anew")


class SettingWords(msgspec.Struct, frozen=True):
    """A setting in words; ``why_not`` is empty where it may be changed from a browser.

    :ivar form: what is typed: ``days`` (a number, empty for the default), ``hours``, ``yes`` or ``addresses`` (one a line)
    """

    meaning: Text
    form: str = ""
    why_not: Text = Text(ja="", en="")


WORDS: Mapping[str, SettingWords] = {
    "customers": SettingWords(
        Text(
            ja="見張る回線のアドレス帯。ほかは相手側",
            en="prefixes of the watched lines; all else is the other side",
        ),
        why_not=_PSEUDONYMS,
    ),
    "prefix_preserving": SettingWords(
        Text(ja="仮名が隣り合う回線を示すか", en="whether pseudonyms show which lines are neighbours"),
        why_not=_PSEUDONYMS,
    ),
    "delegated": SettingWords(
        Text(
            ja="一回線に渡す IPv6 プレフィックスの長さ", en="length of the IPv6 prefix that a line is given"
        ),
        why_not=_PSEUDONYMS,
    ),
    "basis": SettingWords(
        Text(ja="フローを見る法的な根拠", en="legal ground on which flows are looked at"), why_not=_LAW
    ),
    "purposes": SettingWords(Text(ja="フローを何に使うか", en="what flows are used for"), why_not=_LAW),
    "people": SettingWords(
        Text(
            ja="コマンドを使う人と役割（画面の利用者は別の頁）",
            en="people of the command line and their roles (accounts have a page)",
        ),
        why_not=Text(
            ja="画面を使う人が、コマンドの権限を自分に与えられてはならない",
            en="who uses the console must not give themselves rights on the command line",
        ),
    ),
    "exporters": SettingWords(
        Text(
            ja="フローを受け取る機器のアドレス。空ならどこからでも",
            en="addresses that may send flows; empty for any",
        ),
        "addresses",
    ),
    "listen": SettingWords(
        Text(ja="フローを待ち受けるアドレス", en="where the collector listens"), why_not=_RESTART
    ),
    "ports": SettingWords(
        Text(ja="フローを待ち受ける UDP ポート", en="UDP ports of the collector"), why_not=_RESTART
    ),
    "packet_ring": SettingWords(
        Text(
            ja="カーネルと共有するメモリー（パケットリング）から受信するか。root か CAP_NET_RAW が要る",
            en="whether to receive out of memory shared with the kernel (a packet ring); needs root or CAP_NET_RAW",
        ),
        why_not=_RESTART,
    ),
    "lists": SettingWords(
        Text(ja="既知の C&C の表", en="lists of known C&C servers"),
        why_not=Text(
            ja="表はこの機器のファイルであり、画面から任意のファイルを読ませない（sekisho lists fetch）",
            en="lists are files of this machine; a browser must not name any file (sekisho lists fetch)",
        ),
    ),
    "detect": SettingWords(
        Text(ja="検出法のしきい値の変更", en="own thresholds of the methods"),
        why_not=Text(
            ja="検出の結果が変わる。変える前に手元の記録で試す（sekisho detect）",
            en="it changes what is found: try it on stored flows first (sekisho detect)",
        ),
    ),
    "casework": SettingWords(
        Text(ja="事案の扱いの数値の変更", en="own values of how cases are kept"),
        why_not=Text(
            ja="catalogues/casework.toml の説明を読んで書く",
            en="write it with the explanations in catalogues/casework.toml",
        ),
    ),
    "containment": SettingWords(
        Text(ja="封じ込めの規則が何に当たってよいか", en="what a containment rule may match"),
        why_not=Text(
            ja="守るネットワークを画面の一押しで外せてはならない",
            en="protected networks must not go with one click",
        ),
    ),
    "four_eyes": SettingWords(
        Text(
            ja="契約者の特定に二人目を要する。切るのは watch.toml でだけ",
            en="identifying a subscriber needs a second person; switched off in watch.toml alone",
        ),
        "yes",
    ),
    "request_hours": SettingWords(
        Text(ja="二人目を待つ時間", en="hours that a request waits for the second person"), "hours"
    ),
    "days": SettingWords(
        Text(ja="フローを保存する日数。空なら既定", en="days to keep flows; empty for the default"), "days"
    ),
    "keep": SettingWords(
        Text(ja="ほかの段階のデータを保存する日数", en="days to keep the data of other stages"),
        why_not=Text(ja="下の保存期間の表の段階ごとに変える", en="changed stage by stage in the table below"),
    ),
    "assignments": SettingWords(
        Text(ja="アドレス割当の記録の重み付け（秒）", en="how logs of assignment are weighed (seconds)"),
        why_not=Text(
            ja="別人の回線を指しかねない。時計のずれを測ってから書く",
            en="it could point at somebody else's line: measure the clocks first",
        ),
    ),
    "shards": SettingWords(
        Text(ja="保存先の分割数", en="number of shards"),
        why_not=Text(ja="作った後は変えられない", en="it can't change once flows are stored"),
    ),
    "database": SettingWords(
        Text(ja="事案・利用者・監査記録のデータベース", en="database of cases, accounts and the audit log"),
        why_not=Text(
            ja="いま使っている利用者登録ごと入れ替わる（sekisho backup と restore で移す）",
            en="it would replace the very accounts in use (move with sekisho backup and restore)",
        ),
    ),
}
