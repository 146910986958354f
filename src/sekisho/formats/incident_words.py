"""The words of an accident in both languages, and the words by which files may name kinds of facts and services."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.language import Text
from sekisho.model.incident import Service
from sekisho.model.timeline import What

SERVICES: Mapping[Service, Text] = {
    Service.VOICE_EMERGENCY: Text(ja="音声（緊急通報あり）", en="voice with emergency calls"),
    Service.VOICE: Text(ja="音声（緊急通報なし）", en="voice without emergency calls"),
    Service.LPWA_CELLULAR: Text(ja="セルラーLPWA", en="cellular LPWA"),
    Service.LPWA_UNLICENSED: Text(ja="アンライセンスLPWA", en="unlicensed LPWA"),
    Service.FREE_MAIL: Text(ja="無料メール", en="free mail"),
    Service.FREE_MESSAGING: Text(ja="無料メッセージング", en="free messaging"),
    Service.FREE_OTHER: Text(ja="その他の無料サービス", en="other free services"),
    Service.INTERNET: Text(ja="インターネット接続", en="Internet connection"),
    Service.ACCESS: Text(ja="インターネットへのデータ伝送", en="data to the Internet"),
    Service.PRIVATE_DATA: Text(ja="閉域のデータ伝送", en="private data networks"),
    Service.DATA: Text(ja="データ伝送", en="data transmission"),
    Service.OTHER: Text(ja="その他", en="other"),
}
#: What belongs to a service where its name alone does not say so: for menus.
EXAMPLES: Mapping[Service, Text] = {
    Service.ACCESS: Text(
        ja="FTTH・CATV・FWA・モバイルデータ・BWA・Wi-Fi等", en="FTTH, CATV, FWA, mobile data, BWA, Wi-Fi …"
    ),
    Service.PRIVATE_DATA: Text(ja="IP-VPN・広域イーサネット等", en="IP-VPN, wide-area Ethernet …"),
    Service.DATA: Text(ja="上の二つのどちらか分からない", en="which of the two above is not known"),
}
WHATS: Mapping[What, Text] = {
    What.OCCURRED: Text(ja="発生", en="occurred"),
    What.KNOWN: Text(ja="認知", en="known"),
    What.DOWN: Text(ja="停止", en="down"),
    What.DEGRADED: Text(ja="品質低下", en="degraded"),
    What.USERS: Text(ja="利用者数", en="users"),
    What.USERS_NOW: Text(ja="現在の利用者数", en="users now"),
    What.RESTORED: Text(ja="復旧", en="restored"),
    What.EQUIPMENT_DOWN: Text(ja="設備停止", en="equipment down"),
    What.EQUIPMENT_RESTORED: Text(ja="設備復旧", en="equipment restored"),
    What.TOLD: Text(ja="周知", en="told users"),
    What.REPORTED: Text(ja="報告", en="reported"),
    What.NOTE: Text(ja="備考", en="note"),
    What.WITHDRAWN: Text(ja="取消", en="withdrawn"),
}
#: Headings of a CSV file → the field.
COLUMNS: Mapping[str, str] = {
    "時刻": "time", "日時": "time", "種別": "what", "役務": "service", "サービス": "service", "地域": "area",
    "利用者数": "users", "最小": "users_least", "最大": "users_most", "出所": "source", "備考": "note", "設備": "equipment",
    "全通信": "all_traffic", "利用不能": "unusable",
}  # fmt: skip
#: Why a file is refused.
REASONS: Mapping[str, Text] = {
    "not-a-time": Text(ja="日時として読めない", en="not a time"),
    "not-a-day": Text(ja="日付として読めない", en="not a day"),
    "no-time-of-day": Text(ja="時刻がない", en="no time of day"),
    "no-such-moment": Text(ja="暦にない日時", en="no such moment"),
    "twice-or-never": Text(
        ja="時計を進めるか戻す時にあたり、いつか決まらない（+09:00 のように時差を書く）",
        en="clocks are put forward or back then: which moment is meant can't be told (write the offset, like -05:00)",
    ),
    "outside-the-era": Text(ja="元号の期間の外", en="outside the era"),
    "unknown-kind": Text(ja="事実の種別が不明", en="unknown kind of fact"),
    "unknown-service": Text(ja="役務が不明", en="unknown service"),
    "unknown-field": Text(ja="知らない項目", en="unknown field"),
    "not-a-number": Text(ja="利用者数として読めない", en="not a number of users"),
    "about-how-many": Text(
        ja="「約」がどこまでの幅か分からない。最小と最大を書く（例：2.8万-3.2万。分からなければ 0以上）",
        en="how far “about” goes is not known: write the least and the most (28000-32000; 0+ when it is not known)",
    ),
    "which-ten-thousands": Text(
        ja="「万」が前の数にも付くか分からない。4万-6万 のように書く", en="whether 万 holds for both numbers is not known: write 4万-6万"
    ),
    "too-large": Text(ja="数が大きすぎる", en="the number is too large"),
    "columns-twice": Text(ja="同じ列が二度ある", en="a column twice"),
    "negative-users": Text(ja="利用者数が負", en="negative users"),
    "not-yes-or-no": Text(ja="はい・いいえのどちらでもない", en="neither yes nor no"),
    "unknown-event": Text(ja="おそれの事象が不明", en="unknown event of a threat"),
    "unknown-leak": Text(ja="漏えいの種類が不明", en="unknown kind of leak"),
    "unknown-duty": Text(ja="義務の種類が不明", en="unknown duty"),
    "nothing-known-yet": Text(ja="その時刻までの事実がない", en="there is no fact up to that time"),
    "failed-before-it-occurred": Text(ja="発生時刻より前に停止している", en="a service fails before the accident occurred"),
    "known-before-it-occurred": Text(ja="発生より前に認知している", en="known before it occurred"),
    "service-missing": Text(ja="役務が書かれていない", en="no service is named"),
    "equipment-missing": Text(ja="設備が書かれていない", en="no equipment is named"),
    "users-of-what-is-not-down": Text(ja="停止していない役務・地域の利用者数", en="users of a service and area that is not down"),
    "restored-before-failed": Text(ja="停止より前の復旧", en="restored before it failed"),
    "restored-elsewhere": Text(ja="その地域の停止がない。停止している地域", en="nothing is down in that area; down is"),
    "most-below-least": Text(ja="最大が最小より小さい", en="the most is below the least"),
    "nothing-to-withdraw": Text(ja="取り消す事実がない", en="there is no such fact to withdraw"),
    "facts-missing": Text(ja="事実が一つもない", en="there are no facts"),
    "too-long": Text(ja="長すぎる", en="too long"),
    "not-syslog": Text(ja="syslogとして読めない", en="not a syslog message"),
    "not-json": Text(ja="JSONとして読めない", en="not JSON"),
    "not-alerts": Text(ja="Prometheus・Alertmanagerの警報ではない", en="no alert of Prometheus or Alertmanager"),
    "not-detection": Text(ja="検出の記録ではない", en="not a detection"),
    "pending": Text(ja="まだ警報になっていない（pending）", en="not an alert yet (pending)"),
    "no-rule": Text(ja="対応する規則がない", en="no rule takes it"),
    "no-columns": Text(ja="日時の列が書かれていない（[tickets]）", en="the columns of the times are not named ([tickets])"),
    "users-missing": Text(ja="利用者数の項目がなく、不明とした", en="the field of the users is missing: taken as not known"),
    "field-missing": Text(ja="規則が使う項目がない", en="a field that the rule uses is missing"),
    "ended-before-it-began": Text(ja="始まる前に終わっている", en="it ends before it begins"),
    "mrt-nothing": Text(ja="経路の記録が一つもない（BGP を書いた MRT か確かめる）", en="no record of routes (is it MRT of BGP?)"),
    "mrt-too-many-alarms": Text(
        ja="出来事が多すぎ、残りは採り入れていない（10万まで。ファイルを分ける）", en="too many events, the rest is not taken (100,000 at most: split the file)"
    ),
    "mrt-too-many-peers": Text(ja="相手が多すぎる（1万まで）", en="too many peers (10,000 at most)"),
    "mrt-too-many-records": Text(
        ja="記録が多すぎ、ここから先の出来事は見ていない（セッション10万、全部で100万まで。ファイルを分ける）",
        en="too many records, what happened from there on is not looked at (sessions 100,000, in all 1,000,000: split the file)",
    ),
    "mrt-torn": Text(ja="記録の途中で終わっている", en="the file ends within a record"),
    "mrt-compressed-stream-torn": Text(ja="圧縮が途中で切れているか壊れている", en="the compressed file is torn or damaged"),
    "mrt-record-too-long": Text(ja="記録の長さがあり得ない。ここから先は読まない", en="a record's length can't be; the rest is not read"),
    "mrt-short": Text(ja="短すぎる記録", en="a record that is too short"),
    "mrt-no-peer": Text(ja="どの相手のものか読めない記録", en="a record without a peer that can be read"),
    "mrt-no-message": Text(ja="BGP のメッセージでない中身", en="no BGP message in a record"),
    "mrt-peers-lie": Text(ja="相手の表が途中で終わっている", en="a table of peers that breaks off"),
    "mrt-entry-lies": Text(ja="経路表の項目の長さの誤り", en="a table's entry that lies about its length"),
    "mrt-not-an-update": Text(ja="UPDATE として読めない", en="not an UPDATE"),
    "mrt-length-lies": Text(ja="UPDATE の中の長さの誤り", en="an UPDATE that lies about its lengths"),
    "mrt-attribute-lies": Text(ja="経路の属性の長さの誤り", en="a path attribute that lies about its length"),
    "mrt-path-lies": Text(ja="AS の列の長さの誤り", en="an AS path that lies about its length"),
    "mrt-no-prefix": Text(ja="プレフィックスとして読めない", en="not a prefix"),
    "columns": Text(ja="列の数が見出しと違う", en="another number of columns than the heading"),
}  # fmt: skip
