"""The page of what is held of one line: plain HTML, no script, nothing from outside, for the person who asks."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache

import jinja2

from sekisho.language import Language, Text
from sekisho.model.holding import Held, Holding
from sekisho.model.purpose import Purpose

PURPOSES = {
    Purpose.CC_DETECTION: Text(ja="C&Cサーバの検知", en="detection of C&C servers"),
    Purpose.ATTACK_DETECTION: Text(ja="攻撃の検知", en="detection of attacks"),
    Purpose.NOTICE: Text(ja="利用者への注意喚起", en="notices to subscribers"),
    Purpose.SHARING: Text(ja="C&Cリストの共有", en="sharing of the C&C list"),
    Purpose.EVIDENCE_SUPPLY: Text(ja="協会への記録の提供", en="supply of logs to the association"),
    Purpose.OPERATION: Text(ja="取扱いの記録と点検", en="records of handling, and their check"),
    Purpose.DEMONSTRATION: Text(ja="実演・試験", en="demonstration and tests"),
}
_WORDS = {
    "title": Text(ja="保有状況", en="What is held"),
    "lead": Text(
        ja="この仮名の回線について保有する全てのデータ、その目的・根拠・期限。中身は示さない。",
        en="All data held of the line of this pseudonym: why, on which legal ground, and until when. No contents are shown.",
    ),
    "line": Text(ja="回線（仮名）", en="line (pseudonym)"),
    "at": Text(ja="調べた時刻", en="looked at"),
    "entry": Text(ja="監査記録の番号", en="number in the audit log"),
    "dataset": Text(ja="データ", en="data"),
    "stage": Text(ja="段階", en="stage"),
    "rows": Text(ja="件数", en="rows"),
    "span": Text(ja="いつからいつまで", en="from – to"),
    "purpose": Text(ja="目的", en="purpose"),
    "basis": Text(ja="根拠", en="legal ground"),
    "until": Text(ja="削除の期限", en="deleted by"),
    "receipts": Text(ja="削除の証明（データ全体）", en="receipts of deletion (of whole datasets)"),
    "octets": Text(ja="オクテット", en="octets"),
    "reason": Text(ja="理由", en="reason"),
    "none": Text(ja="まだない", en="none yet"),
    "unknown": Text(ja="不明", en="unknown"),
}


def moment(milliseconds: int, zone: tzinfo | None) -> str:
    """Return a time for people; empty for 0."""
    if not milliseconds:
        return ""
    when = datetime.fromtimestamp(milliseconds / 1000, zone)
    name = when.tzname() or ""
    return f"{when:%Y-%m-%d %H:%M} {name if name in {'JST', 'UTC'} else format(when, '%z')}".rstrip()


def words(one: Holding, language: Language, zone: tzinfo | None) -> dict[str, str]:
    """Return the cells of one dataset as texts; rows that could not be counted say so."""
    unknown = _WORDS["unknown"].say(language)
    ends = dict.fromkeys(moment(at, zone) for at in (one.expires, one.last) if at)
    return {
        "dataset": one.title.say(language),
        "stage": one.stage.value,
        "rows": unknown if one.rows is None else f"{one.rows:,}",
        "note": "; ".join(filter(None, (one.counted.label.say(language), _damage(one).say(language)))),
        "span": " – ".join(dict.fromkeys(moment(at, zone) for at in (one.begin, one.end) if at)),
        "purpose": ", ".join(PURPOSES[purpose].say(language) for purpose in one.purposes),
        "basis": ", ".join(basis.label.say(language) for basis in one.basis),
        "until": " – ".join(ends),
    }


def _damage(one: Holding) -> Text:
    if not one.damaged:
        return Text(ja="", en="")
    return Text(
        ja=f"壊れたファイルが{one.damaged}個あり、その中の行は数えていない（ほかにもあるかもしれない）",
        en=f"damaged files: {one.damaged}; rows in them are not counted (there may be more)",
    )


def page(held: Held, language: Language, zone: tzinfo | None) -> bytes:
    """Return the page as UTF-8; times are told in ``zone``."""
    text = _environment().get_template("held.html.jinja")
    said = text.render(
        held=held,
        language=language.value,
        words={name: word.say(language) for name, word in _WORDS.items()},
        rows=[words(one, language, zone) for one in held.holdings],
        at=moment(held.at, zone),
        receipts=[
            (one.dataset, f"{one.rows:,}", f"{one.octets:,}", one.reason, moment(one.at, zone))
            for one in held.receipts
        ],
    )
    return said.encode()


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sekisho.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
