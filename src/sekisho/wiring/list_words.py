"""What the ids that lists of known C&C are told by mean: why one did not come, and why an entry of it was left out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sekisho.language import Text

TRIES: Mapping[str, Text] = MappingProxyType({
    "budget": Text(ja="多すぎる", en="too much"),
    "closed": Text(ja="途中で切れた", en="it broke off"),
    "loop": Text(ja="同じ頁が繰り返される", en="its pages go round in a circle"),
    "malformed": Text(ja="形が正しくない", en="malformed"),
    "no-feed": Text(
        ja="アドレス（https://…）でも、あるフォルダーでもない", en="neither an address (https://…) nor a folder that is there"
    ),
    "no-manifest": Text(ja="フォルダーに manifest.json がない", en="there is no manifest.json in the folder"),
    "nothing-to-use": Text(ja="使える項目が一つもない", en="not one usable entry"),
    "refused": Text(ja="接続を拒まれた", en="the connection was refused"),
    "reset": Text(ja="接続が切れた", en="the connection was reset"),
    "status-401": Text(ja="認証が受け付けられない（HTTP 401）", en="the authorisation isn't taken (HTTP 401)"),
    "status-403": Text(ja="読む権利がない（HTTP 403）", en="not allowed to read it (HTTP 403)"),
    "status-404": Text(ja="そこに表がない（HTTP 404）", en="there is no list at that address (HTTP 404)"),
    "status-406": Text(ja="TAXII 2.1 では応えない（HTTP 406）", en="it doesn't answer in TAXII 2.1 (HTTP 406)"),
    "status-429": Text(ja="問い合わせが多すぎると言われた（HTTP 429）", en="told to ask less often (HTTP 429)"),
    "status-503": Text(ja="今は応えられないと言われた（HTTP 503）", en="told to come later (HTTP 503)"),
    "timed-out": Text(ja="応答がない", en="no answer"),
    "tls": Text(ja="TLSの誤り（証明書など）", en="a TLS fault (the certificate, perhaps)"),
    "too-large": Text(ja="大きすぎる", en="too large"),
    "too-slow": Text(ja="時間内に終わらない", en="not done in time"),
    "unreachable": Text(ja="届かない", en="out of reach"),
    "unsupported": Text(ja="TAXII 2.1 の応答でない", en="not an answer of TAXII 2.1"),
    "unwritable": Text(ja="ここに書けない（前の表は無事）", en="it can't be written here (the one before stays)"),
})  # fmt: skip
LEFT_OUT: Mapping[str, Text] = MappingProxyType({
    "6to4": Text(ja="6to4 のアドレス", en="addresses of 6to4"),
    "bad-address": Text(ja="アドレスが読めない", en="unreadable addresses"),
    "bad-bundle": Text(ja="STIXの束でない", en="not a bundle of STIX"),
    "bad-entry": Text(ja="読めない項目", en="unreadable entries"),
    "bad-event": Text(ja="MISPのイベントでない", en="not an event of MISP"),
    "bad-json": Text(ja="JSONとして読めない", en="not readable as JSON"),
    "bad-pattern": Text(ja="STIXの式が読めない", en="unreadable STIX patterns"),
    "bad-port": Text(ja="ポートが読めない", en="unreadable ports"),
    "bad-row": Text(ja="読めない行", en="unreadable rows"),
    "bad-time": Text(ja="時刻が読めない", en="unreadable times"),
    "bad-url": Text(ja="URLが読めない", en="unreadable URLs"),
    "bad-uuid": Text(ja="イベントの番号が正しくない", en="wrong ids of events"),
    "benchmarking": Text(ja="測定用のアドレス", en="addresses for benchmarks"),
    "cdn": Text(ja="CDNのアドレス", en="addresses of CDNs"),
    "discard-only": Text(ja="捨てるためのアドレス", en="addresses for discarding"),
    "documentation": Text(ja="例示用のアドレス", en="addresses for examples"),
    "host-bits": Text(ja="接頭辞より後のビットがある", en="bits beyond the prefix"),
    "link-local": Text(ja="リンクローカルのアドレス", en="link-local addresses"),
    "loopback": Text(ja="自分自身のアドレス（ループバック）", en="loopback addresses"),
    "mapped": Text(ja="IPv6に写したIPv4のアドレス", en="IPv4 addresses mapped into IPv6"),
    "missing-event": Text(ja="目録にあるイベントがない", en="events that the manifest names and that are not there"),
    "multicast": Text(ja="マルチキャスト", en="multicast addresses"),
    "negation": Text(ja="否定のある式", en="patterns with a negation"),
    "never-valid": Text(ja="有効な時のない項目", en="entries that were never valid"),
    "no-address": Text(ja="アドレスのない項目", en="entries without an address"),
    "no-fields": Text(ja="列の見出しがない", en="no line that names the fields"),
    "no-header": Text(ja="アドレスの列を示す見出しがない", en="no line that names a column of addresses"),
    "not-for-detection": Text(ja="検出用でないとされた項目", en="entries said to be not for detection"),
    "ntp": Text(ja="時刻サーバーのアドレス", en="addresses of time servers"),
    "other-pattern-type": Text(ja="STIX以外の式", en="patterns in another language than STIX"),
    "own-network": Text(ja="自網のアドレス", en="addresses of your own network"),
    "private": Text(ja="私設アドレス", en="private addresses"),
    "protocol-assignment": Text(ja="プロトコル用のアドレス", en="addresses assigned to protocols"),
    "qualifier": Text(ja="時間などの条件の付いた式", en="patterns with conditions such as times"),
    "range-mismatch": Text(ja="範囲の初めと終わりが合わない", en="ranges whose ends don't fit"),
    "reserved": Text(ja="予約されたアドレス", en="reserved addresses"),
    "resolver": Text(ja="公開DNSリゾルバーのアドレス", en="addresses of public DNS resolvers"),
    "revoked": Text(ja="取り消された項目", en="revoked entries"),
    "root-server": Text(ja="ルートサーバーのアドレス", en="addresses of root servers"),
    "several-at-once": Text(ja="幾つもの条件を一度に求める式", en="patterns that ask for several things at once"),
    "several-observations": Text(ja="幾つもの観測を求める式", en="patterns that ask for several observations"),
    "shared": Text(ja="事業者共用のアドレス（CGN）", en="shared addresses (CGN)"),
    "this-network": Text(ja="「このネットワーク」のアドレス", en='addresses of "this network"'),
    "too-complex": Text(ja="複雑すぎる式", en="patterns that are too complex"),
    "too-many": Text(ja="上限を超えた項目", en="entries beyond the limit"),
    "too-short": Text(ja="広すぎるアドレス帯", en="prefixes that are too wide"),
    "translation": Text(ja="変換用のアドレス", en="addresses of translators"),
    "unsupported-comparison": Text(ja="フローから分からない比較のある式", en="patterns with comparisons that flows can't show"),
})  # fmt: skip


def try_words(reason: str) -> Text:
    """Return why a list did not come; an id without words stays as it is."""
    if reason.startswith("status-") and reason not in TRIES:
        number = reason.removeprefix("status-")
        return Text(ja=f"相手の応答は HTTP {number}", en=f"the server answered HTTP {number}")
    return TRIES.get(reason) or Text(ja=reason, en=reason)


def left_out_words(reasons: Mapping[str, int]) -> Text:
    """Return how many entries were left out, and why; an id without words stays as it is."""
    words = [(LEFT_OUT.get(reason) or Text(ja=reason, en=reason), count) for reason, count in reasons.items()]
    return Text(
        ja="、".join(f"{word.ja} × {count:,}" for word, count in words),
        en=", ".join(f"{word.en} × {count:,}" for word, count in words),
    )
