"""What the method says: a sentence for every reason and for every parameter, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.formats.flow_queries import INBOUND_ONLY
from sekisho.language import Text

_TALK_JA = "この回線は既知のC&C {remote}（{family}）と{talks}回の通信を成立させた（送信{sent}、受信{received}オクテット）。"
_TALK_EN = "This line talked with the known C&C {remote} ({family}): conversations {talks}, octets sent {sent}, received {received}."

REASONS: Mapping[str, Text] = {
    "established": Text(ja=_TALK_JA, en=_TALK_EN),
    "established-any-port": Text(
        ja=_TALK_JA + "表はポートを言わないので、同じアドレスの別のサービスだったかもしれない。",
        en=_TALK_EN + " The list names no port, so it may have been another service of that address.",
    ),
    "established-prefix": Text(
        ja="この回線は表にある範囲{entry}（{family}）の{remote}と{talks}回の通信を成立させた（送信{sent}、受信{received}オクテット）。"
        "表はこのアドレスそのものがC&Cだとは言っていない。",
        en="This line talked with {remote} in the listed range {entry} ({family}): conversations {talks}, octets sent "
        "{sent}, received {received}. The list doesn't say that this very address is a C&C.",
    ),
    "established-doubted": Text(
        ja=_TALK_JA + "表がこの項目に与えた確度は{confidence}で低い。",
        en=_TALK_EN + " The list gives this entry a low confidence ({confidence}).",
    ),
    "established-crowd": Text(
        ja=_TALK_JA + "この回線は{families}種のC&Cと話しており、感染ではなく調査や計測かもしれない。",
        en=_TALK_EN + " The line talks with C&C of {families} families: it may be research or measurement.",
    ),
    "one-sided": Text(
        ja="この回線と既知のC&C {remote}（{family}）の間の通信が{talks}回見えた（送信{sent}、受信{received}オクテット）。"
        "片方向の記録しかないが、確立した接続のパケットである。",
        en="Traffic of this line with the known C&C {remote} ({family}) was seen: conversations {talks}, octets sent "
        "{sent}, received {received}. Only one direction is in the records, but its packets belong to an established "
        "connection.",
    ),
    "inbound": Text(
        ja="既知のC&C {remote}（{family}）の側から{talks}回この回線につながり、応答を得た（送信{sent}、受信{received}オクテット）。"
        "外に開いたサービスへの侵入や遠隔操作かもしれない。",
        en="The known C&C {remote} ({family}) connected to this line and was answered: connections {talks}, octets sent "
        "{sent}, received {received}. It may be a break-in or remote control of an open service.",
    ),
    "weak": Text(
        ja="標本に、この回線と既知のC&C {remote}（{family}）の間のパケットが{packets}個あった。通信が成立したかどうかは標本からは言えない。",
        en="A sample held packets (count {packets}) between this line and the known C&C {remote} ({family}). Whether they "
        "talked can't be told from it.",
    ),
    "contact": Text(
        ja="この回線は既知のC&C {remote}（{family}）にTCPでもUDPでもないパケットを{packets}個送受した。成立の有無は言えない。",
        en="This line and the known C&C {remote} ({family}) exchanged packets that are neither TCP nor UDP (count "
        "{packets}): whether they talked can't be told.",
    ),
    "attempt": Text(
        ja="この回線は既知のC&C {remote}（{family}）に{talks}回つなごうとしたが、通信は成立しなかった。C&Cは止まっているか遮断されている。",
        en="This line tried to reach the known C&C {remote} ({family}) (attempts seen: {talks}) and nobody talked with "
        "it: the C&C is down or blocked.",
    ),
    "list-empty": Text(
        ja="C&Cの表が空なので、何も判断していない", en="the list of C&C is empty: nothing was judged"
    ),
    "list-expired": Text(
        ja="表のどの項目もこの時間帯には有効でないので、何も判断していない",
        en="no entry of the list is valid in this window: nothing was judged",
    ),
    "no-flows": Text(ja="この時間帯のフローがない", en="there are no flows in this window"),
    "inbound-only": INBOUND_ONLY,
    "overflow": Text(
        ja="表に触れるフローが多すぎ、一部しか調べていない。表に誤りがないか見よ",
        en="too many flows touch the list and only a part was judged: look for a mistake in the list",
    ),
    "popular": Text(
        ja="多くの回線が使う宛先を表から外して判断した（共有サーバーか誤登録と思われる）",
        en="destinations that many lines use were left out (shared hosts or mistakes of the list)",
    ),
    "sampled": Text(
        ja="標本化のため、短い通信は見えないことが多い。応答が見えないことは、なかったことを意味しない",
        en="because of sampling short contacts mostly do not show; an answer not seen may still have been there",
    ),
    "unstated": Text(
        ja="標本化率を言わないエクスポータがあり、件数は下限である",
        en="an exporter doesn't state its sampling, so counts are lower bounds",
    ),
}

PARAMETERS: Mapping[str, Text] = {
    "reach_share": Text(
        ja="これより大きな割合の回線が使う宛先は、表にあっても外す",
        en="a destination used by more than this share of the lines is left out although it is listed",
    ),
    "reach_least": Text(
        ja="ただし、これより多くの回線が使うときに限る", en="but only when more lines than this use it"
    ),
    "confidence_least": Text(
        ja="「確度高」とするのに要る、表の確度（0〜100）",
        en="confidence of the list needed for “confirmed” (0–100)",
    ),
    "confidence_unstated": Text(
        ja="確度を言わない表の確度とみなす値", en="what counts as the confidence of a list that states none"
    ),
    "families_most": Text(
        ja="これより多くの種のC&Cと話す回線は「確度高」としない",
        en="a line that talks with C&C of more families than this is never “confirmed”",
    ),
    "rows_most": Text(ja="一度に判断する行の上限", en="most rows judged at a time"),
}
