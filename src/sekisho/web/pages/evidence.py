"""The evidence of an assessment: each step, each conversation on the wire, reports and files, and whether all is unaltered."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from sekisho.errors import EvidenceError
from sekisho.formats.pictures import picture
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.registry import StepRow
from sekisho.reports.content.shown import flat, readable, slug, visible
from sekisho.web.asked import Asked
from sekisho.web.assessed import attempt_kind, attempt_words, probe_title
from sekisho.web.page import Page, Route

# How much of one conversation, and of one step's data, a page holds; the whole is in the file.
_SAID, _DATA, _FRAME = 131_072, 400, 16_384
# What no report may do in our origin: run scripts, ask for anything, leave its frame.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_NONE = Text(ja="その評価はない", en="there is no such assessment")
_NO_PIECE = Text(ja="この評価の証跡の鎖にその証跡はない", en="its chain of evidence lists no such piece")
# What the check of a folder may find, and whether it puts what was measured in doubt.
_WRONG: dict[str, tuple[Text, bool]] = {
    "altered": (Text(ja="書かれたときのままではない", en="not as it was written"), True),
    "missing": (Text(ja="なくなっている", en="missing"), True),
    "chain": (Text(ja="証跡の鎖が切れている", en="the chain is broken"), True),
    "head": (Text(ja="その先頭はこの鎖にない", en="that head is not of this chain"), True),
    "unlisted": (Text(ja="鎖にないファイルがある", en="a file that the chain doesn't list"), True),
    "torn": (
        Text(ja="最後の行が途中で切れている（中断した実施）", en="its last line is torn (a run that died)"),
        False,
    ),
    "interrupted": (Text(ja="中断したまま終わっている", en="it was interrupted"), False),
}
_NO_PROBE = Text(ja="その試験の記録はない", en="that probe left no steps here")
_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".xml": "application/xml",
}


def _probe(asked: Asked) -> Response:
    detail = asked.office.console.terminals.detail(asked.part("id"))
    if detail is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    name = asked.part("probe")
    steps = [one for one in detail.steps if one.probe == name]
    if not steps:
        return asked.problem(404, _NO_PROBE, where=name[:80])
    attempt = detail.attempts.get(name)
    return asked.page(
        "assessment_probe.html",
        row=detail.row,
        probe=name,
        title=probe_title(name),
        attempt=attempt,
        ended=attempt_words(attempt) if attempt else None,
        kind=attempt_kind(attempt) if attempt else "none",
        steps=[(slug(one.step), one, _data(one), _failed(one)) for one in steps],
    )


def _data(step: StepRow) -> list[tuple[str, str]]:
    """Return a step's measurements as lines, what a device sent made visible."""
    lines = [(visible(name), visible(value)) for name, value in flat(step.data)]
    return lines[:_DATA]


def _failed(step: StepRow) -> Text | None:
    if not step.failure:
        return None
    return ATTEMPT_REASONS.get(step.failure) or Text(ja=step.failure, en=step.failure)


def _evidence(asked: Asked) -> Response:
    """Show a piece of evidence; its digest was checked when it was read."""
    desk, identifier, digest = asked.office.console.terminals, asked.part("id"), asked.part("sha256")
    transcript = desk.transcript(identifier, digest)
    piece = desk.evidence(identifier, digest) if transcript is None else None
    if transcript is None and piece is None:
        return asked.problem(404, _NO_PIECE, where=digest[:80])
    row = desk.assessment(identifier)
    media = picture(piece.content) if piece and piece.file.kind == "attachment" else ""
    said, room = [], _SAID
    whole = sum(len(chunk.data) for chunk in transcript.chunks) if transcript else 0
    for chunk in transcript.chunks if transcript else ():
        shown = chunk.data[: min(room, _FRAME)]
        room -= len(shown)
        if shown or not chunk.data:
            said.append(
                (chunk.at, chunk.way == ">", "\n".join(readable(shown)), len(chunk.data) - len(shown))
            )
    return asked.page(
        "evidence.html",
        row=row,
        id=identifier,
        digest=digest,
        transcript=transcript,
        said=said,
        whole=whole,
        left=whole - (_SAID - room),
        piece=piece,
        media=media,
        text="\n".join(readable(piece.content[:_SAID]))
        if piece and not media and piece.file.kind != "capture"
        else "",
    )


def _file(asked: Asked) -> Response:
    """Give a piece of evidence as it is; a capture holds what the wire held, so looking alone isn't enough for it."""
    piece = asked.office.console.terminals.evidence(asked.part("id"), asked.part("sha256"))
    if piece is None:
        return asked.problem(404, _NO_PIECE, where=asked.part("sha256")[:80])
    name = (
        piece.file.path.rpartition("/")[2]
        if piece.file.kind != "transcript"
        else f"{piece.file.sha256[:16]}.transcript"
    )
    return _given(piece.content, name, "application/octet-stream")


def _report(asked: Asked) -> Response:
    """Give a report as it was written: HTML in a sandbox when it is to be looked at, all else as a file."""
    piece = asked.office.console.terminals.evidence(asked.part("id"), asked.part("sha256"))
    if piece is None or piece.file.kind != "report":
        return asked.problem(404, _NO_PIECE, where=asked.part("sha256")[:80])
    name = piece.file.path.rpartition("/")[2]
    suffix = "." + name.rpartition(".")[2]
    media = _MEDIA.get(suffix, "application/octet-stream")
    if suffix == ".html" and not asked.query.get("download"):
        return Response(piece.content, media_type=media, headers={"content-security-policy": SANDBOX})
    return _given(piece.content, f"{asked.part('id')}-{name}", media)


def _given(content: bytes, name: str, media: str) -> Response:
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-._") else "_" for one in name)
    return Response(
        content,
        media_type=media,
        headers={
            "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )


def _verify(asked: Asked) -> Response:
    """Check the whole folder now: the chain, and every file that it lists."""
    desk, identifier = asked.office.console.terminals, asked.part("id")
    row = desk.assessment(identifier)
    if row is None:
        return asked.problem(404, _NONE, where=identifier[:80])
    head = asked.query.get("head", "").strip().lower()
    try:
        checked, fault = desk.verify(identifier, head), None
    except EvidenceError as error:
        checked, fault = None, error
    problems = (
        [(*_WRONG.get(one.kind, (Text(ja=one.kind, en=one.kind), True)), one) for one in checked.problems]
        if checked
        else []
    )
    return asked.page(
        "verified.html", row=row, checked=checked, fault=fault, head=head, problems=problems,
        altered=any(weighty for _, weighty, _ in problems),
    )  # fmt: skip


PAGE = Page(
    "evidence",
    Text(ja="証跡", en="Evidence"),
    (
        Route("GET", "/assess/{id}/verify", _verify, Permission.SEE),
        Route("GET", "/assess/{id}/probes/{probe}", _probe, Permission.SEE),
        Route("GET", "/assess/{id}/evidence/{sha256}", _evidence, Permission.SEE),
        Route("GET", "/assess/{id}/reports/{sha256}", _report, Permission.SEE),
        Route("GET", "/assess/{id}/files/{sha256}", _file, Permission.WORK),
    ),
)
