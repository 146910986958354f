"""What members tell of their lines, and the figures that they may know; see `workflows.hub.counting`."""

from __future__ import annotations

import msgspec

from sekisho.errors import DescriptionError
from sekisho.exchange.taxii import Answer
from sekisho.exchange.taxii.messages import Refusal
from sekisho.workflows.hub import Bearer, Books
from sekisho.workflows.hub.counting import TELLERS, Tally, own_counts, seen_lines, take_counts

POSTS = {"/counts/": TELLERS}


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    counts: tuple[Tally, ...]


def answer(books: Books, method: str, path: str, shown: Bearer, body: bytes) -> Answer | None:
    """Return the answer to a question about counts; None when it is about something else.

    :raises Refusal: the question can't be answered
    """
    if path not in POSTS or method not in {"GET", "POST"}:
        return None
    if method == "GET":
        return _json(
            {
                "mine": own_counts(books, shown.member.id),
                "seen": seen_lines(books, shown.member, shown.rights),
                "least_members": books.rules.k,
                "least_lines": books.rules.k_devices,
            }
        )
    try:
        told = msgspec.json.decode(body, type=_Told)
        return _json(take_counts(books, shown.member, shown.rights, told.counts))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refusal(422, str(fault)[:200]) from None
    except DescriptionError as error:
        raise Refusal(422, f"{error.what.en}: {error.where}") from None


def _json(told: object) -> Answer:
    return Answer(
        200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, msgspec.json.encode(told)
    )
