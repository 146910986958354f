"""The figures of a report, out of its facts: login tries over time, ports declared and found."""

from __future__ import annotations

from sekisho.language import Language, Text
from sekisho.model.observation import Observation
from sekisho.ports import Document
from sekisho.reports.content import words
from sekisho.reports.content.drawings import Curve, Palette, Tile, ports, tries
from sekisho.reports.content.parts import FigurePart, Grid
from sekisho.reports.content.shown import number, scalar, visible

MOST_TILES = 32
_TRIES = Text(ja="ログイン試行の速さ", en="How fast logins could be tried")
_TRIES_GIST = Text(
    ja="機器が受け付けた試行の数を時間に対して示す。■はロックされた時点。最も速い方式で毎時{rate}回。",
    en="Tries that the terminal took, over time. ■ marks a lock. The fastest way reached {rate} an hour.",
)
_TIME = Text(ja="時間（秒）", en="time (s)")
_COUNT = Text(ja="試行回数", en="tries")
_HEADS = (
    Text(ja="対象と方式", en="Subject and way"),
    Text(ja="試行回数", en="Tries"),
    Text(ja="秒", en="Seconds"),
    Text(ja="毎時", en="Per hour"),
    Text(ja="ロックまで", en="Locked after"),
    Text(ja="ロック（秒）", en="Lock (s)"),
)
_PORTS = Text(ja="申告されたポートと見つかったポート", en="Ports declared and found")
_PORTS_GIST = Text(
    ja="✓ 申告済みで開 {declared}、× 申告なしで開 {undeclared}、破線は申告されたが開いていない {missing}、— 走査から除外 {excluded}。",
    en="✓ declared and open {declared}; × open but not declared {undeclared}; dashed: declared but not open {missing}; "
    "— left out {excluded}.",
)
_STATE = {
    "declared": Text(ja="申告済み・開", en="declared, open"),
    "undeclared": Text(ja="申告なし・開", en="not declared, open"),
    "missing": Text(ja="申告済み・開いていない", en="declared, not open"),
    "excluded": Text(ja="走査から除外", en="left out"),
}
_PORT_HEADS = (
    Text(ja="インタフェース", en="Interface"),
    Text(ja="ポート", en="Port"),
    Text(ja="サービス", en="Service"),
    Text(ja="状態", en="State"),
)
_LEFT_OUT = Text(ja="走査から除外", en="Left out of the scan")


def figures(document: Document, palette: Palette) -> list[FigurePart]:
    """Return the figures for which there are facts."""
    found = [_tries(document, palette), _ports(document, palette)]
    return [one for one in found if one is not None]


def _tries(document: Document, palette: Palette) -> FigurePart | None:
    language = document.language
    facts = [one for one in document.assessment.facts if one.name == "throttle.tries"]
    curves = [curve for curve in map(_curve, facts) if curve is not None]
    if not curves:
        return None
    fastest = max((_number(one.value) for one in facts), default=0.0)
    svg = tries(curves, (_TIME.say(language), _COUNT.say(language)), palette)
    rows = [
        [
            one.subject,
            *(scalar(one.attributes.get(key)) for key in ("tries", "seconds")),
            scalar(one.value),
            *(scalar(one.attributes.get(key)) for key in ("locked_after", "lock_seconds")),
        ]
        for one in facts
    ]
    return FigurePart(
        anchor="figure-tries",
        title=_TRIES.say(language),
        summary=_TRIES_GIST.say(language, rate=number(round(fastest))),
        svg=svg,
        grid=Grid(heads=[one.say(language) for one in _HEADS], rows=rows),
    )


def _curve(fact: Observation) -> Curve | None:
    """Return the course of the tries: even up to the lock (or the end), then flat."""
    count, seconds = _number(fact.attributes.get("tries")), _number(fact.attributes.get("seconds"))
    if count <= 0 or seconds <= 0:
        return None
    locked = _number(fact.attributes.get("locked_after"))
    label = visible(fact.subject)
    if not 0 < locked < count:
        lock = (seconds, count) if locked else None
        return Curve(label, ((0.0, 0.0), (seconds, count)), lock)
    delay = _number(fact.attributes.get("first_delay"))
    when = min(locked * delay, seconds) if delay else seconds * locked / count
    return Curve(label, ((0.0, 0.0), (when, locked), (seconds, locked)), (when, locked))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _ports(document: Document, palette: Palette) -> FigurePart | None:
    language = document.language
    groups = _groups(document)
    if not groups:
        return None
    counts = dict.fromkeys(_STATE, 0)
    rows: list[list[str]] = []
    for title, tiles in groups:
        for tile in tiles:
            counts[tile.state] += 1
            rows.append([title, tile.port, tile.service or "—", _STATE[tile.state].say(language)])
    drawn = [(title, tiles[:MOST_TILES]) for title, tiles in groups]
    return FigurePart(
        anchor="figure-ports",
        title=_PORTS.say(language),
        summary=_PORTS_GIST.say(language, **counts),
        svg=ports(drawn, palette),
        grid=Grid(heads=[one.say(language) for one in _PORT_HEADS], rows=rows),
    )


def _groups(document: Document) -> list[tuple[str, list[Tile]]]:
    language = document.language
    facts = document.assessment.facts
    spoken = {one.subject: scalar(one.value) for one in facts if one.name == "service.protocol"}
    groups: dict[str, dict[str, Tile]] = {}
    for one in facts:
        if one.name not in {"port.open", "port.missing"}:
            continue
        name, _, port = one.subject.rpartition(" ")
        if one.name == "port.missing":
            state = "missing"
        else:
            state = "declared" if one.attributes.get("declared") else "undeclared"
        service = spoken.get(one.subject) or scalar(one.attributes.get("service") or "")
        groups.setdefault(_title(document, name, language), {}).setdefault(port, Tile(port, service, state))
    drawn = [(title, list(tiles.values())) for title, tiles in groups.items()]
    excluded = [Tile(f"{one.transport}/{one.port}", "", "excluded") for one in document.terminal.exclusions]
    return [*drawn, (_LEFT_OUT.say(language), excluded)] if excluded else drawn


def _title(document: Document, name: str, language: Language) -> str:
    known = document.terminal.interface(name)
    if known is None:
        return visible(name) or "—"
    return f"{visible(name)} — {words.word(words.ROLE, known.role.value, language)}"
