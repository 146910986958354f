"""Invented runs: the papers that a console keeps of assessments that were started in it; see `demo.console_day`.

Nothing was run and nothing sent. Most belong to an invented assessment; the newest one failed and left none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sekisho.language import Text
from sekisho.model.assess_run import ORDER, PROGRESS, STOPPED_CODE, Ended, Order, ProbeGoes, Progress
from sekisho.stores.assessment_reading import folders, read_chain, terminal_of

_PROBES = (("open_ports", 131.0, 42), ("web_login", 44.0, 18), ("service_identity", 12.0, 6))
_HOUR = 3_600_000
_MET, _REFUSED = 0, 2


def runs(folder: Path, count: int, now: int) -> None:
    """Make papers of ``count`` runs: one that failed a while ago, and those of the newest assessments."""
    if not count:
        return
    root = folder / "runs"
    root.mkdir(mode=0o700)
    evidence = folder / "assessments"
    newest = sorted((name for name, _ in folders(evidence)), reverse=True)[: count - 1]
    for name in newest:
        chain = read_chain(evidence / name)
        described = terminal_of(evidence / name, chain)
        title = f"{described.maker} {described.model}" if described else name
        at = int(datetime.fromisoformat(chain.events[0].at).timestamp() * 1000)
        done = bool(chain.problem) or chain.last("judged") is not None
        _papers(root, name, title, at, _progress(at, _MET if done else STOPPED_CODE))
    at = now - 2 * _HOUR
    failed = Ended(
        at + 9_000, _REFUSED, Text(ja="端末が応じない（見本）", en="the terminal does not answer (invented)"), "192.0.2.77",
        Text(ja="電源と配線を確かめて、続きを始める", en="check power and wiring, then go on"),
    )  # fmt: skip
    name = f"{datetime.fromtimestamp(at / 1000, UTC):%Y%m%d-%H%M%S}-G-2001"
    _papers(root, name, "みちのく製作所 G-2001", at, Progress(at + 9_000, at, _probes(0), ended=failed), 77)


def _papers(root: Path, name: str, title: str, at: int, progress: Progress, host: int = 7) -> None:
    address = f"192.0.2.{host}"
    order = Order(
        id=name, target=address, terminal=title, addresses=(address,), catalogues=("jp-2020", "jc-star-1"),
        by="佐藤", at=at, place="見本 / invented",
    )  # fmt: skip
    papers = root / name
    papers.mkdir(mode=0o700)
    (papers / ORDER).write_bytes(msgspec.json.encode(order))
    (papers / PROGRESS).write_bytes(msgspec.json.encode(progress))


def _progress(at: int, code: int) -> Progress:
    done = len(_PROBES) if code == _MET else 1
    ended = at + int(sum(seconds for _, seconds, _ in _PROBES[:done]) * 1000)
    return Progress(ended, at, _probes(done), ended=Ended(ended, code))


def _probes(done: int) -> tuple[ProbeGoes, ...]:
    return tuple(
        ProbeGoes(name, 1, seconds, steps, "done", "complete") if place < done else ProbeGoes(name)
        for place, (name, seconds, steps) in enumerate(_PROBES)
    )
