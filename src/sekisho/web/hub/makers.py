"""What carriers and makers tell each other of device models: counts, advisories, findings; see `workflows.hub`."""

from __future__ import annotations

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.exchange.taxii import Answer
from sekisho.exchange.taxii.messages import Refusal
from sekisho.model.membership import MemberRole
from sekisho.workflows.hub import Bearer, Books
from sekisho.workflows.hub.advising import advise, by_models, own_models, visible
from sekisho.workflows.hub.disclosing import stories
from sekisho.workflows.hub.model_figures import seen_by_maker
from sekisho.workflows.hub.models import Seen, report_models

POSTS = {
    "/models/": (MemberRole.FULL, MemberRole.RECEIVE_ONLY),
    "/advisories/": (MemberRole.MAKER,),
}
_JSON = "application/json"
_MOST_OCTETS = 8 << 20


class _Reports(msgspec.Struct, forbid_unknown_fields=True):
    reports: tuple[Seen, ...]


def refused(roles: tuple[MemberRole, ...], shown: Bearer) -> Answer | None:
    """Return why a body for an address of these roles isn't read; None when it is."""
    if shown.member.role in roles:
        return None
    return Refusal(403 if shown.member.role is not MemberRole.PARTNER else 404).answer()


def answer(
    books: Books, method: str, path: str, query: dict[str, str], shown: Bearer, body: bytes
) -> Answer | None:
    """Return the answer to a question about models; None when it is about something else.

    :raises Refusal: the question can't be answered
    """
    member = shown.member
    match (method, path.split("/")[1:]):
        case ("POST", ["models", ""]):
            return _posted_models(books, shown, body)
        case ("POST", ["advisories", ""]):
            return _posted_advisory(books, shown, body)
        case ("GET", ["me", "models.json"]):
            if member.role is MemberRole.MAKER:
                cells = seen_by_maker(books, member.id)
                books.audit.append(
                    member.id,
                    "member",
                    "read-models",
                    "models",
                    at=books.now(),
                    details={"cells": len(cells)},
                )
                return _json(
                    {"models": cells, "least_members": books.rules.k, "least_devices": books.rules.k_devices}
                )
            return _json({"reports": books.models.reports(member=member.id)})
        case ("GET", ["me", "findings.json"]):
            return _json({"findings": stories(books, member)})
        case ("GET", ["advisories", ""]):
            return _listed(books, shown, query)
        case ("GET", ["advisories", name]) if name.endswith(".json"):
            return _whole(books, shown, name.removesuffix(".json"))
    return None


def _posted_models(books: Books, shown: Bearer, body: bytes) -> Answer:
    try:
        told = msgspec.json.decode(body, type=_Reports)
        return _json({"taken": report_models(books, shown.member, told.reports)})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refusal(422, str(fault)[:200]) from None
    except DescriptionError as error:
        raise Refusal(422, f"{error.what.en}: {error.where}") from None


def _posted_advisory(books: Books, shown: Bearer, body: bytes) -> Answer:
    if len(body) > _MOST_OCTETS:
        raise Refusal(413, f"at most {_MOST_OCTETS} octets")
    try:
        made = advise(books, shown.member.id, body, shown.member.id)
    except DescriptionError as error:
        raise Refusal(422, f"{error.what.en}: {error.where}") from None
    except ConflictError:
        raise Refusal(409, "this version came before with another content") from None
    return _json({"advisory": msgspec.structs.replace(made, body="")})


def _listed(books: Books, shown: Bearer, query: dict[str, str]) -> Answer:
    """List by the models asked for, or by those that the member reported; with ``all=1`` all."""
    known = visible(books, shown.member, shown.rights)
    if query.get("all") == "1":
        found = by_models(books, known, None)
    elif query.get("vendor"):
        found = by_models(books, known, [(query["vendor"], query.get("model", ""))])
    else:
        found = by_models(books, known, own_models(books, shown.member.id))
    return _json({"advisories": found})


def _whole(books: Books, shown: Bearer, identifier: str) -> Answer:
    """Return an advisory octet by octet as its maker sent it."""
    known = {one.id for one in visible(books, shown.member, shown.rights)}
    one = books.advisories.advisory(identifier) if identifier in known else None
    if one is None:
        raise Refusal(404)
    headers = {"Content-Type": _JSON, "Cache-Control": "private, no-cache", "ETag": f'"{one.digest}"'}
    return Answer(200, headers, one.body.encode())


def _json(told: object) -> Answer:
    return Answer(200, {"Content-Type": _JSON, "Cache-Control": "no-store"}, msgspec.json.encode(told))
