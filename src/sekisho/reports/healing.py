"""The page of remediation measured: how long lines stay infected, by group, each point down to its cases.

One HTML file without script or outside resource, light and dark, for wide and narrow screens and for paper; the same as
JSON. Pseudonymous: cases are named by their ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from sekisho.language import Language, Text
from sekisho.model.survival import Comparison, Course, Curve, Reached, relapse_rate
from sekisho.reports.content.shown import visible
from sekisho.reports.healing_plot import DASHES, MOST_CURVES, NARROW, WIDE, anchor, plot

_SHOWN_CASES = 12
_LEVEL = 0.05
BY = {
    "all": Text(ja="全体", en="all cases"),
    "family": Text(ja="マルウェアの種類", en="malware family"),
    "device_model": Text(ja="機種", en="device model"),
    "channel": Text(ja="通知の手段", en="notice channel"),
    "isp": Text(ja="事業者", en="ISP"),
}
WORDS = {
    "title": Text(ja="治癒までの日数", en="Time to heal"),
    "product": Text(ja="関所", en="Sekisho"),
    "at": Text(ja="作成", en="made"),
    "by": Text(ja="分け方", en="grouped by"),
    "origin": Text(ja="起点", en="time runs from"),
    "summary": Text(ja="要約", en="Summary"),
    "curve": Text(ja="曲線", en="Curves"),
    "data": Text(ja="データ", en="Data"),
    "how": Text(ja="読み方と限界", en="How to read it, and its limits"),
    "group": Text(ja="群", en="group"),
    "cases": Text(ja="事案", en="cases"),
    "healed": Text(ja="治癒を観測", en="healed (observed)"),
    "half": Text(ja="−50 %まで", en="days to −50 %"),
    "fifth": Text(ja="−80 %まで", en="days to −80 %"),
    "relapse": Text(ja="再発率", en="relapse rate"),
    "day": Text(ja="日", en="day"),
    "at_risk": Text(ja="対象", en="at risk"),
    "lost": Text(ja="打切り", en="censored"),
    "infected": Text(ja="感染の割合（95 %区間）", en="still infected (95 % interval)"),
    "each": Text(ja="段ごとの事案", en="The cases of each step"),
    "legend": Text(ja="帯は95 %信頼区間、縦の印は打切り（まだ治癒を観測していない事案）。点を選ぶと、その事案の行へ移る。", en="Bands: 95 % intervals. Vertical ticks: censored cases, whose healing has not been observed. A point leads to its cases."),
    "skip": Text(ja="本文へ", en="skip to the content"),
    "empty": Text(ja="数えられる事案がまだない。", en="There are no cases to count yet."),
}  # fmt: skip
UNKNOWN = Text(ja="（不明）", en="(not known)")
NOT_REACHED = Text(ja="未到達", en="not reached")
ORIGINS = {
    False: Text(ja="最初の検出", en="the first detection"),
    True: Text(ja="最初の通知", en="the first notice"),
}
_HOW = (
    Text(ja="感染の終わりは、治癒を観測した事案の最後の検出である。検出が続く、静か、沈黙、人が終えた、の各事案は最後の検出の日まで感染していたことしか分からないので、その日で打ち切る（右側打切り）。沈黙した回線を治癒とは数えない。",
         en="An infection ends with the last detection of a case whose healing was observed. Of cases still seen, quiet, silent, or closed by a person, only this is known: they were infected until their last detection. They are censored then; a silent line never counts as healed."),
    Text(ja="再発した事案は治癒していないものとして数え、再発率は一度でも治癒した事案に対する割合である。誤検知・統合済・対象外の事案は数えない。",
         en="A relapsed case counts as not healed; the relapse rate is a share of those that had ever healed. False alarms, merged cases and lines that aren't ours are left out."),
    Text(ja="推定はカプラン・マイヤー法、区間はグリーンウッドの分散を log(−log) で変換したもの、群の比較はログランク検定。日数は切上げ。",
         en="Kaplan–Meier estimate; intervals by Greenwood's variance on the log(−log) scale; groups compared by the log-rank test. Days are rounded up."),
    Text(ja="比べる物差し：「IPネットワーク設備委員会におけるこれまでの主な議論」（端末設備のセキュリティ対策関係）は、過去の事例では脆弱性のある機器を約80 %減らすのに約3年を要したと述べる。",
         en="A yardstick: the IP network facilities committee (IPネットワーク設備委員会) noted that in a past case it took about three years to reduce vulnerable devices by about 80 %."),
)  # fmt: skip
_NOT_RANDOM = Text(
    ja="どの回線にどの手段で通知したかは無作為ではないので、差が手段のためとは限らない。",
    en="Channels were not assigned at random, so a difference need not come from the channel.",
)


class Healing(msgspec.Struct, frozen=True):
    """What the page is made of; ``notified``: time runs from the first notice."""

    by: str
    notified: bool
    at: int
    curves: tuple[Curve, ...]
    courses: Mapping[str, tuple[Course, ...]]
    comparison: Comparison | None = None
    left_out: int = 0


def as_json(found: Healing, language: Language) -> dict[str, Any]:
    """Return everything as plain values, with the summary in words."""
    return {
        "by": found.by,
        "origin": "first-notice" if found.notified else "first-detection",
        "at": found.at,
        "summary": summary(found, language),
        "curves": found.curves,
        "relapse_rates": {one.group: relapse_rate(one) for one in found.curves},
        "comparison": found.comparison,
        "left_out": found.left_out,
        "courses": found.courses,
    }


def how(language: Language) -> list[str]:
    """Return the paragraphs on how to read the curves, and what they can't say."""
    return [one.say(language) for one in _HOW]


def summary(found: Healing, language: Language) -> list[str]:
    """Return sentences: each group, then whether the groups differ and how far that can be relied on."""
    said = [_sentence(one, language) for one in found.curves]
    if not said:
        return [WORDS["empty"].say(language)]
    if found.comparison:
        said += _compared(found.comparison, language)
        if found.by == "channel":
            said.append(_NOT_RANDOM.say(language))
    return said


def _sentence(one: Curve, language: Language) -> str:
    name = group_name(one.group, language)
    rate = relapse_rate(one)
    half, fifth = reached_words(one.half, language), reached_words(one.four_fifths, language)
    return Text(
        ja=f"{name}：{one.cases:,}件のうち{one.healed:,}件の治癒を観測した。半減まで{half}、8割減まで{fifth}。"
        + (f"一度治癒した{one.ever_healed:,}件のうち再発は{rate:.0%}。" if rate is not None else ""),
        en=f"{name}: {one.healed:,} of {one.cases:,} cases were observed to heal. To −50 %: {half}; to −80 %: {fifth}."
        + (f" Of {one.ever_healed:,} that had healed, {rate:.0%} relapsed." if rate is not None else ""),
    ).say(language)


def _compared(found: Comparison, language: Language) -> list[str]:
    if found.p is None:
        said = [
            Text(ja="群を比べられるだけの治癒がない。", en="Too little has healed to compare the groups.")
        ]
    else:
        p = "p < 0.0001" if found.p < 1e-4 else f"p = {found.p:.4f}"  # noqa: PLR2004 - as p-values are printed
        test = f"χ² = {found.chi_square:.2f}, df {found.freedom}, {p}"
        said = [
            Text(
                ja=f"群の間に差がある（ログランク検定 {test}）。",
                en=f"The groups heal at different speeds (log-rank {test}).",
            )
            if found.p < _LEVEL
            else Text(
                ja=f"群の間に差があるとは言えない（ログランク検定 {test}）。差がないことを示すものでもない。",
                en=f"No difference between the groups could be shown (log-rank {test}); that doesn't show that there is none.",
            )
        ]
    words = [one.say(language) for one in said]
    if found.small:
        names = Text(ja="、", en=", ").say(language).join(group_name(one, language) for one in found.small)
        words.append(
            Text(
                ja=f"注意：治癒の少ない群がある（{names}）。この検定の結果には頼れない。",
                en=f"Caution: few healings in {names}; don't rely on this test.",
            ).say(language)
        )
    return words


def reached_words(found: Reached, language: Language) -> str:
    """Return days with their interval: ``23日（18–30）``; an open end is a dash."""
    if found.days is None:
        least = Text(ja=f"（下限{found.low}日）", en=f" (at least {found.low} days)")
        return NOT_REACHED.say(language) + (least.say(language) if found.low is not None else "")
    low, high = ("…" if one is None else f"{one:,}" for one in (found.low, found.high))
    return Text(ja=f"{found.days:,}日（{low}–{high}）", en=f"{found.days:,} days ({low}–{high})").say(
        language
    )


def page(found: Healing, language: Language, zone: tzinfo | None = None) -> str:
    """Return the HTML page."""
    words = {name: text.say(language) for name, text in WORDS.items()}
    by = BY[found.by].say(language)
    title = f"{words['title']}（{by}）" if language is Language.JA else f"{words['title']} ({by})"
    named = tuple(msgspec.structs.replace(one, group=group_name(one.group, language)) for one in found.curves)
    plots = [plot(named, size, language, title) for size in (WIDE, NARROW)] if named else []
    template = _environment().get_template("healing.html.jinja")
    return template.render(
        language=language.value,
        w=words,
        title=title,
        facts=[
            (words["at"], f"{datetime.fromtimestamp(found.at / 1000, zone):%Y-%m-%d %H:%M %Z}".strip()),
            (words["by"], by),
            (words["origin"], ORIGINS[found.notified].say(language)),
            (words["cases"], f"{sum(one.cases for one in named):,}"),
        ],
        summary=summary(found, language),
        plots=[Markup(one) for one in plots],  # noqa: S704 - texts are escaped in healing_plot
        groups=[_group(n, one, found, language) for n, one in enumerate(found.curves)],
        how=how(language),
        left_out=left_out(found, language),
    )


def _group(number: int, one: Curve, found: Healing, language: Language) -> dict[str, Any]:
    rate = relapse_rate(one)
    by_day: dict[int, list[str]] = {}
    for course in found.courses.get(one.group, ()):
        if course.healed:
            by_day.setdefault(course.days, []).append(course.case)
    return {
        "number": number,
        "drawn": number < MOST_CURVES,
        "dash": DASHES[number] if number < MOST_CURVES else "",
        "name": group_name(one.group, language),
        "cases": f"{one.cases:,}",
        "healed": f"{one.healed:,}",
        "half": reached_words(one.half, language),
        "fifth": reached_words(one.four_fifths, language),
        "relapse": "–" if rate is None else f"{rate:.0%} ({one.relapsed:,}/{one.ever_healed:,})",
        "steps": [
            {
                "anchor": anchor(number, step.days),
                "days": f"{step.days:,}",
                "at_risk": f"{step.at_risk:,}",
                "healed": f"{step.healed:,}",
                "censored": f"{step.censored:,}",
                "infected": f"{step.infected:.1%} ({step.low:.1%}–{step.high:.1%})",
                "cases": sorted(by_day.get(step.days, ()))[:_SHOWN_CASES],
                "more": max(0, step.healed - _SHOWN_CASES),
            }
            for step in one.steps
        ],
    }


def left_out(found: Healing, language: Language) -> str:
    """Say how many cases were not counted, and why; empty when all were."""
    if not found.left_out:
        return ""
    return Text(
        ja=f"数えなかった事案：{found.left_out:,}件（誤検知・統合済・対象外、又は起点となる通知がない）。",
        en=f"{found.left_out:,} cases were left out: false alarms, merged, not ours, or without the notice that time runs from.",
    ).say(language)


def group_name(group: str, language: Language) -> str:
    """Return a group's name as it can be shown; nothing known is a group of its own."""
    return visible(group) if group else UNKNOWN.say(language)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sekisho.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
