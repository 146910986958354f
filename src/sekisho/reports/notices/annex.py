"""The technical annex of a case: what an expert at the customer's side or at the desk can use; never in the lay text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sekisho.language import Language, Text
from sekisho.model.case import Case
from sekisho.model.detection import Detection, Grade, sampling_words

_TITLE = Text(ja="技術的な資料（受付番号 {reference}）", en="Technical annex (reference {reference})")
_SEEN = Text(ja="観測の期間: {begin} – {end}", en="Observed: {begin} – {end}")
_METHODS = Text(ja="方法: {methods}", en="Methods: {methods}")
_FAMILY = Text(ja="種類: {family}", en="Malware family: {family}")
_OTHERS = Text(ja="相手（{count} のうち {shown}）:", en="Other ends ({shown} of {count}):")
_DETECTION = Text(ja="{begin} – {end}　{method}　（{grade}）", en="{begin} – {end}  {method}  ({grade})")
_NONE = Text(
    ja="検出の詳細は手元に残っていない（保存期間を過ぎたか、まだ読めない）。",
    en="The details of the detections are not held (expired, or not readable here).",
)
_GRADES = {
    Grade.CONFIRMED: Text(ja="確度高", en="confirmed"),
    Grade.LIKELY: Text(ja="可能性大", en="likely"),
    Grade.WATCH: Text(ja="要注意", en="watch"),
}
_REMOTES = 20


def annex(
    case: Case,
    detections: Sequence[Detection],
    language: Language,
    reference: str,
    clock: Callable[[int], str],
    titles: Mapping[str, Text],
) -> str:
    """Return the annex as text; ``clock`` writes milliseconds with their zone, ``titles`` are those of the methods."""

    def method(name: str) -> str:
        return titles[name].say(language) if name in titles else name

    lines = [
        _TITLE.say(language, reference=reference),
        "",
        _SEEN.say(language, begin=clock(case.first_seen), end=clock(case.last_seen)),
    ]
    if case.family:
        lines.append(_FAMILY.say(language, family=case.family))
    if case.methods:
        lines.append(_METHODS.say(language, methods=", ".join(method(one) for one in case.methods)))
    if not detections:
        lines += ["", _NONE.say(language)]
    for one in detections:
        lines += [
            "",
            _DETECTION.say(
                language,
                begin=clock(one.begin),
                end=clock(one.end),
                method=method(one.method),
                grade=_GRADES[one.grade].say(language),
            ),
        ]
        if sampled := sampling_words(one.sampling, one.arguments).say(language):
            lines.append(sampled)
        shown = one.remotes[:_REMOTES]
        if shown:
            lines.append(_OTHERS.say(language, count=max(one.remote_count, len(shown)), shown=len(shown)))
            lines += [f"  {remote}" for remote in shown]
    return "\n".join(lines) + "\n"
