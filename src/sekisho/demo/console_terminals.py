"""Invented assessments as folders of evidence with whole chains, and descriptions of terminals; see `demo.console_day`.

Verdicts are drawn by lot: nothing was measured. Each says so in its tool, its place and its facts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sekisho import plugins
from sekisho.model.assessment import Assessment, TestRecord
from sekisho.model.evidence import Attempt, AttemptStatus, Chunk, Record, Transcript
from sekisho.model.requirement import Catalogue
from sekisho.model.terminal import Terminal, Unit
from sekisho.model.verdict import Judged, Verdict
from sekisho.ports import Event
from sekisho.stores.evidence_folder import CHAIN, GENESIS, digest, seal

_DAY = 86_400_000
_TOOL = "見本 / invented"
_CATALOGUES = ("jp-2020", "jp-2025-report", "jc-star-1", "en303645-v2.1.1")
_MAKERS = ("関東通信機", "Naniwa Denki", "ACME", "みちのく製作所")
_KINDS = ("router", "camera", "recorder", "gateway")
_PROBES = ("open_ports", "web_login", "service_identity")
_QUESTION, _ANSWER = b"GET / HTTP/1.1\r\nHost: 192.0.2.7\r\n\r\n", b"HTTP/1.1 401 Unauthorized\r\n\r\n"


class _Chain:
    """Writes a chain and its blobs, without forcing each line to the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("evidence", "capture", "reports"):
            (folder / name).mkdir(parents=True)
        self._events: list[Event] = []

    def add(self, at: int, kind: str, body: Mapping[str, Any]) -> None:
        head = self._events[-1].hash if self._events else GENESIS
        event = Event(len(self._events), _moment(at), kind, dict(body), head)
        self._events.append(msgspec.structs.replace(event, hash=seal(event)))

    def keep(self, at: int, content: bytes, kind: str, name: str) -> str:
        identifier = digest(content)
        (self.folder / "evidence" / identifier).write_bytes(content)
        self.add(at, "blob", {"sha256": identifier, "size": len(content), "kind": kind, "name": name})
        return identifier

    def close(self, *, damage: bool = False) -> None:
        lines = [msgspec.json.encode(one, order="sorted") + b"\n" for one in self._events]
        if damage:
            lines[1] = lines[1].replace("見本".encode(), "見事".encode())
        (self.folder / CHAIN).write_bytes(b"".join(lines))


def assessments(folder: Path, chance: random.Random, count: int, terminals: int, now: int) -> None:
    """Make ``count`` assessments of ``terminals`` terminals; every third terminal has a description of its own."""
    catalogues: Sequence[Catalogue] = [plugins.unit("catalogues", name)() for name in _CATALOGUES]
    every = [_terminal(chance, number) for number in range(terminals)]
    described = folder / "terminals"
    described.mkdir(exist_ok=True)
    for number, one in enumerate(every[::3]):
        (described / f"terminal-{number:04}.toml").write_text(_toml(one), encoding="utf-8")
    for number in range(count):
        at = now - (count - number) * (90 * _DAY // max(count, 1))
        _assessment(folder / "assessments", chance, number, every[number % max(terminals, 1)], catalogues, at)


def _terminal(chance: random.Random, number: int) -> Terminal:
    return Terminal(
        maker=_MAKERS[number % len(_MAKERS)], model=f"{chance.choice('RCDG')}-{1000 + number}",
        kind=_KINDS[number % len(_KINDS)], hardware="rev. B", software=f"{chance.randint(1, 4)}.{chance.randrange(20)}.0",
        units=(Unit("a", f"SN{number:05}A"), Unit("b", f"SN{number:05}B")),
    )  # fmt: skip


def _assessment(
    root: Path, chance: random.Random, number: int, terminal: Terminal, catalogues: Sequence[Catalogue], at: int
) -> None:  # fmt: skip
    identifier = f"{datetime.fromtimestamp(at / 1000, UTC):%Y%m%d}-{number:05}"
    chain = _Chain(root / identifier)
    record = TestRecord(
        number=f"見本-{number:05}", date=_moment(at)[:10], place="見本 / invented", person="佐藤"
    )
    chain.add(
        at, "opened",
        {
            "id": identifier, "record": msgspec.to_builtins(record), "limits": {}, "target": "192.0.2.7",
            "person": record.person, "place": record.place, "tool": _TOOL, "host": "invented", "platform": "invented",
            "instruments": [],
        },
    )  # fmt: skip
    chain.add(
        at, "authorisation",
        {"allowed_by": "見本の管理者", "role": "owner", "statement": "見本 / invented", "addresses": ["192.0.2.0/24"]},
    )  # fmt: skip
    chain.add(
        at, "terminal", {"sha256": chain.keep(at, msgspec.json.encode(terminal), "terminal", "terminal.json")}
    )
    attempts = dict(_steps(chain, chance, at))
    kind = number % 12
    if kind != 7:  # one in twelve stopped before it was judged
        chosen = catalogues[: chance.randint(1, len(catalogues))]
        judged = tuple(one for catalogue in chosen for one in _judged(chance, catalogue))
        made = Assessment(
            id=identifier, began=_moment(at), ended=_moment(at + 900_000), tool=_TOOL, record=record, attempts=attempts,
            facts=(), judged=judged, catalogues=tuple(f"{one.id} {one.edition.ja}".strip() for one in chosen),
        )  # fmt: skip
        blob = chain.keep(at + 900_000, msgspec.json.encode(made), "assessment", "assessment.json")
        chain.add(at + 900_000, "judged", {"assessment": blob, "catalogues": [one.id for one in chosen]})
    chain.close(damage=kind == 11)


def _steps(chain: _Chain, chance: random.Random, at: int) -> Iterator[tuple[str, Attempt]]:
    for place, probe in enumerate(_PROBES):
        began = at + place * 60_000
        talk = Transcript(
            _moment(began), "tcp", "192.0.2.9:40000", f"192.0.2.7:{80 + place}",
            chunks=(Chunk(0.0, ">", _QUESTION), Chunk(round(chance.random(), 3), "<", _ANSWER)), ended="closed",
        )  # fmt: skip
        name = chain.keep(began, msgspec.msgpack.encode(talk), "transcript", talk.remote)
        record = Record("look", _moment(began), _moment(began + 900), 0.9, {"invented": True}, None, (name,))
        chain.add(began, "step", {"probe": probe, "record": msgspec.to_builtins(record)})
        attempt = (
            Attempt(AttemptStatus.DONE)
            if chance.random() < 0.9
            else Attempt(AttemptStatus.FAILED, "timed-out")
        )
        chain.add(began, "probe", {"probe": probe, "version": "1", "attempt": msgspec.to_builtins(attempt)})
        yield probe, attempt


def _judged(chance: random.Random, catalogue: Catalogue) -> Iterator[Judged]:
    # Most duties of a terminal go the same way; some terminals do badly throughout.
    weights = chance.choice(((90, 4, 4, 2), (75, 10, 10, 5), (50, 20, 25, 5)))
    drawn = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.NOT_APPLICABLE)
    notes = {"info": "information", "recommended": "recommended", "guideline": "guideline"}
    for one in catalogue.requirements:
        if one.rule is None:
            yield Judged(catalogue.id, one.id, Verdict.NONE, (), notes.get(one.obligation, "no-criterion"))
        else:
            verdict = chance.choices(drawn, weights)[0]
            yield Judged(catalogue.id, one.id, verdict, (), notes.get(one.obligation, ""))


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def _toml(one: Terminal) -> str:
    units = "".join(f'\n[[units]]\nid = "{unit.id}"\nserial = "{unit.serial}"\n' for unit in one.units)
    return (
        f'maker = "{one.maker}"\nmodel = "{one.model}"\nkind = "{one.kind}"\nhardware = "{one.hardware}"\n'
        f'software = "{one.software}"\n{units}'
    )
