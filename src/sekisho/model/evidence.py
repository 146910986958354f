"""Evidence: what was sent and what came back, by whom, when, with what; and whether it worked.

Evidence outlives its judge: it holds no verdict, and any later catalogue can be applied to it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from sekisho.language import Text


class AttemptStatus(StrEnum):
    """Whether we managed to measure. Nothing here says anything good or bad about the terminal."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a step got no answer: a `PeerFailure`'s reason id and detail, or ``tool`` for our own fault."""

    reason: str
    detail: str = ""


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a probe ended. ``reason`` is an id of `ATTEMPT_REASONS`; judged INCONCLUSIVE unless DONE."""

    status: AttemptStatus
    reason: str = "complete"
    detail: str = ""


ATTEMPT_REASONS: dict[str, Text] = {
    "complete": Text(ja="測定できた", en="measured"),
    "nothing-declared": Text(
        ja="機器記述に対象が書かれていない", en="the terminal description declares nothing to test"
    ),
    "not-described": Text(
        ja="測定に要る項目が機器記述にない", en="the description lacks what the test needs"
    ),
    "no-such-service": Text(ja="対象のサービスがない", en="no such service is offered"),
    "timed-out": Text(ja="時間内に応答がない", en="no answer in time"),
    "refused": Text(ja="接続を拒否された", en="connection refused"),
    "reset": Text(ja="接続を切られた", en="connection reset"),
    "closed": Text(ja="応答の途中で閉じられた", en="closed in the middle of an answer"),
    "unreachable": Text(ja="到達できない", en="unreachable"),
    "tls": Text(ja="TLSが成立しない", en="no TLS session"),
    "malformed": Text(ja="応答が規格に合わない", en="malformed answer"),
    "too-large": Text(ja="応答が上限を超えた", en="answer beyond the size limit"),
    "too-slow": Text(ja="応答が遅すぎる", en="answer drips too slowly"),
    "loop": Text(ja="転送が循環する", en="redirects in a loop"),
    "budget": Text(ja="試行の上限に達した", en="the budget of tries is used up"),
    "unsupported": Text(ja="対応していない方式", en="a method that is not supported"),
    "not-allowed": Text(ja="許可された範囲にない", en="not allowed by the authorisation"),
    "left-out": Text(ja="機器記述により試験から外されている", en="excluded from the test by the description"),
    "no-control": Text(
        ja="正常系の確認ができない（対照実験が不成立）", en="the positive control did not work"
    ),
    "died": Text(ja="機器が応答しなくなった", en="the terminal stopped answering"),
    "no-power": Text(ja="電源を操作する手段がない", en="no way to switch the power"),
    "no-person": Text(ja="回答する人がいない", en="no person to answer"),
    "no-reset": Text(ja="出荷状態に戻す手段がない", en="no way back to the factory state"),
    "interrupted": Text(ja="途中で中断された", en="interrupted in the middle"),
    "tool": Text(ja="試験器の不具合", en="a fault of the tester itself"),
}


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One journalled step of a probe: plain JSON data, its times, and the transcripts it opened.

    ``data`` is raw measurement (what was sent, what came back, how long it took), never judgement.
    Times are ISO 8601 UTC; ``seconds`` is monotonic. ``transcripts`` are evidence ids (SHA-256).
    """

    step: str
    began: str
    ended: str
    seconds: float
    data: dict[str, Any] = {}
    failure: Failure | None = None
    transcripts: tuple[str, ...] = ()


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measuring instrument with its calibration (認定規則 別表第一号, 5条の2, 41条4項)."""

    name: str
    maker: str = ""
    model: str = ""
    serial: str = ""
    calibrated: str = ""
    calibrated_by: str = ""


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who took the evidence, where and with what."""

    person: str
    place: str
    tool: str
    host: str
    platform: str
    instruments: tuple[Instrument, ...] = ()


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a fact comes from: a probe's step, and optionally a transcript of it."""

    probe: str
    step: str
    transcript: str = ""


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that one probe brought back."""

    probe: str
    version: str
    attempt: Attempt
    records: tuple[Record, ...] = ()

    def record(self, step: str) -> Record | None:
        """Return the record of ``step``, or None when it was never taken."""
        return next((record for record in self.records if record.step == step), None)

    def under(self, prefix: str) -> tuple[Record, ...]:
        """Return the records whose step starts with ``prefix``, in order."""
        return tuple(record for record in self.records if record.step.startswith(prefix))

    def point(self, record: Record) -> Pointer:
        """Return the pointer at ``record``."""
        return Pointer(self.probe, record.step, record.transcripts[0] if record.transcripts else "")


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """Bytes of a transcript: seconds since it opened, ``>`` sent or ``<`` received, the bytes."""

    at: float
    way: str
    data: bytes


class Transcript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conversation as it was on the wire, bounded; ``dropped`` counts bytes beyond the bound."""

    opened: str
    transport: str
    local: str
    remote: str
    tls: str = ""
    chunks: tuple[Chunk, ...] = ()
    dropped: int = 0
    ended: str = ""
