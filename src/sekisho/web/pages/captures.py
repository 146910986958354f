"""What the wire held, frame by frame; and photos as pictures. Hostile octets are shown as text or as what they are, no more."""

from __future__ import annotations

from io import BytesIO

import msgspec
from starlette.responses import Response

from sekisho.errors import DescriptionError, ReadingError
from sekisho.formats.capture_file import packets
from sekisho.formats.frame_line import FrameLine, frame_line
from sekisho.formats.pictures import picture
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

_PAGE, _DUMPED, _WIDTH = 100, 4096, 16
_NO_PIECE = Text(ja="この評価の証跡の鎖にその証跡はない", en="its chain of evidence lists no such piece")
_NO_CAPTURE = Text(ja="通信の記録ではない", en="this is no capture")
_NO_PICTURE = Text(ja="写真ではない", en="this is no picture")


class Frame(msgspec.Struct, frozen=True):
    """One frame: its number from 1, µs of the epoch, length on the wire, link type, what was kept of it, its line."""

    number: int
    time: int
    wire: int
    link: int
    data: bytes
    line: FrameLine


def frames(content: bytes, after: int, limit: int) -> tuple[list[Frame], int, dict[str, int]]:
    """Return the frames behind number ``after``, how many the file holds, and what of it couldn't be read."""
    found: list[Frame] = []
    faults: dict[str, int] = {}
    seen = 0

    def reject(reason: str, _place: str, count: int) -> None:
        faults[reason] = faults.get(reason, 0) + count

    for block in packets(BytesIO(content), reject):
        here = len(block.at)
        for place in range(max(0, after - seen), min(here, after + limit - seen)):
            begin, kept = int(block.at[place]), int(block.captured[place])
            data, link = bytes(block.content[begin : begin + kept]), int(block.link[place])
            found.append(
                Frame(
                    seen + place + 1,
                    int(block.time[place]),
                    int(block.wire[place]),
                    link,
                    data,
                    frame_line(data, link),
                )
            )
        seen += here
    return found, seen, faults


def _capture(asked: Asked) -> Response:
    desk, identifier, digest = asked.office.console.terminals, asked.part("id"), asked.part("sha256")
    piece = desk.evidence(identifier, digest)
    if piece is None:
        return asked.problem(404, _NO_PIECE, where=digest[:80])
    after, chosen = _number(asked, "after"), _number(asked, "frame")
    try:
        shown, total, faults = frames(piece.content, after, _PAGE)
        one = next((one for one in shown if one.number == chosen), None)
        if chosen and one is None:
            one = next(iter(frames(piece.content, chosen - 1, 1)[0]), None)
    except ReadingError as error:
        return asked.problem(400, _NO_CAPTURE, error.what, digest[:80])
    return asked.page(
        "capture.html", row=desk.assessment(identifier), id=identifier, piece=piece, frames=shown, total=total,
        faults=faults, next=str(shown[-1].number) if shown and shown[-1].number < total else "", one=one,
        dump=_dump(one.data[:_DUMPED]) if one else [], dumped=_DUMPED,
        first=shown[0].time if shown else 0,
    )  # fmt: skip


def _number(asked: Asked, name: str) -> int:
    told = asked.query.get(name, "") or "0"
    if not (told.isascii() and told.isdigit() and len(told) < 12):  # noqa: PLR2004 - more frames than any file holds
        raise DescriptionError(Text(ja="番号ではない", en="not a number"), f"{name}: {told[:40]}")
    return int(told)


def _dump(data: bytes) -> list[tuple[str, str, str]]:
    """Return octets as lines of sixteen: offset, hexadecimal, what of it is plain ASCII."""
    return [
        (
            f"{at:04x}",
            " ".join(f"{one:02x}" for one in data[at : at + _WIDTH]),
            "".join(chr(one) if 32 <= one < 127 else "." for one in data[at : at + _WIDTH]),  # noqa: PLR2004 - printable ASCII
        )
        for at in range(0, len(data), _WIDTH)
    ]


def _picture(asked: Asked) -> Response:
    """Give a photo so that browsers show it as a picture and as nothing else."""
    piece = asked.office.console.terminals.evidence(asked.part("id"), asked.part("sha256"))
    media = picture(piece.content) if piece else ""
    if piece is None or not media:
        return asked.problem(
            404, _NO_PIECE if piece is None else _NO_PICTURE, where=asked.part("sha256")[:80]
        )
    return Response(
        piece.content, media_type=media,
        headers={"content-disposition": "inline", "content-security-policy": "sandbox; default-src 'none'"},
    )  # fmt: skip


PAGE = Page(
    "captures",
    Text(ja="通信の記録", en="Captures"),
    (
        Route("GET", "/assess/{id}/captures/{sha256}", _capture, Permission.WORK),
        Route("GET", "/assess/{id}/pictures/{sha256}", _picture, Permission.SEE),
    ),
)
