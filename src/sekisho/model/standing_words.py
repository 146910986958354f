"""Why an indicator stands as it does, in one sentence for people."""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.corroboration import IndicatorState, Standing, Use

_HOUR, _DAY = 3_600_000, 86_400_000
#: What a state and a use are called.
STATES = {
    IndicatorState.CANDIDATE: Text(ja="候補。まだ配らない", en="a candidate: not handed out yet"),
    IndicatorState.CONFIRMED: Text(ja="確認済み", en="confirmed"),
    IndicatorState.HELD: Text(
        ja="保留。人が決めるまで誰にも配らない", en="held: it goes to nobody until a person decides"
    ),
    IndicatorState.DORMANT: Text(ja="休眠。新しい目撃がない", en="dormant: no new sighting"),
    IndicatorState.RETIRED: Text(ja="廃止", en="retired"),
}
USES = {
    Use.NONE: Text(ja="", en=""),
    Use.WATCH: Text(ja="（監視に使う）", en=" (to watch for)"),
    Use.BLOCK: Text(ja="（遮断に使える）", en=" (may be blocked)"),
}
#: Reasons for holding back; those that aren't here are names of special ranges.
_REASONS = {
    "disputed": Text(ja="会員の異議がある", en="a member disputes it"),
    "refuted": Text(ja="異議が認められた", en="a dispute was upheld"),
    "own-network": Text(ja="会員のアドレス帯にある", en="it lies in a member's own network"),
    "own-name": Text(ja="ハブか会員の名前である", en="it is a name of the hub or of a member"),
    "popular-name": Text(ja="多くの回線が要る名前である", en="very many lines need that name"),
    "public-suffix": Text(ja="他人が登録する先の名前である", en="others register names below it"),
    "special-name": Text(ja="インターネットの名前ではない", en="it is no name of the Internet"),
    "too-short": Text(ja="一つの機器より広い", en="it is wider than one host"),
    "resolver": Text(ja="公開リゾルバーである", en="it is a public resolver"),
    "root-server": Text(ja="DNSのルートサーバーである", en="it is a root server of the DNS"),
    "ntp": Text(ja="公開の時刻サーバーである", en="it is a public time server"),
    "protected": Text(
        ja="運営者が守るアドレス帯にある", en="it lies in a network that the operator protects"
    ),
    "cdn": Text(ja="多くのサイトが共用する配信網である", en="it is a shared front of many sites"),
}


def reason_words(reason: str) -> Text:
    """Return why something is held back, for people."""
    return _REASONS.get(reason) or Text(
        ja=f"特別なアドレス帯（{reason}）", en=f"a special address range ({reason})"
    )


def sentence(one: Standing, now: int, *, k: int = 0) -> Text:
    """Return why an indicator stands as it does.

    :param k: with it, no number of fewer members is told, nor the score that they make: for readers who are members
    """
    state, use = STATES[one.state], USES[one.grade]
    why = reason_words(one.reason) if one.reason else None
    if one.voices < k:
        ja, en = f"独立した報告元は{k}者未満", f"fewer than {k} independent voices"
    else:
        ja = f"点数{one.score}（100点満点）、独立した報告元{one.voices}者"
        en = f"score {one.score} of 100 by {one.voices} independent voice{'s' if one.voices != 1 else ''}"
    age = max(0, now - one.last)
    old = (
        (f"{age // _DAY}日", f"{age // _DAY} d")
        if age >= 2 * _DAY
        else (f"{age // _HOUR}時間", f"{age // _HOUR} h")
    )
    return Text(
        ja=f"{state.ja}{use.ja}：{ja}、最後の目撃から{old[0]}" + (f"。{why.ja}" if why else "") + "。",
        en=f"{state.en}{use.en}: {en}, last seen {old[1]} ago" + (f"; {why.en}" if why else "") + ".",
    )
