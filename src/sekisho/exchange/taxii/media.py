"""Which form is asked for, and which is sent (TAXII 2.1, sections 1.6.8 and 3.2; RFC 9110, section 12.5.1)."""

from __future__ import annotations

from sekisho.exchange.taxii.messages import Refusal

_TYPE = "application/taxii+json"
_VERSION = "2.1"
_LONGEST = 1_000
_ANY = {"*/*", "application/*"}


def accepted(header: str | None) -> None:
    """Check that TAXII 2.1 is among what is asked for; no header asks for anything.

    :raises Refusal: 406
    """
    if header is None or any(_fits(part, any_of=_ANY) for part in header[:_LONGEST].split(",")):
        return
    raise Refusal(406, f"only {_TYPE};version={_VERSION} is spoken here")


def sent(header: str | None) -> None:
    """Check that a body is TAXII 2.1; a type without a version means the newest.

    :raises Refusal: 415
    """
    if header is None or not _fits(header[:_LONGEST], any_of=set()):
        raise Refusal(415, f"send {_TYPE};version={_VERSION}")


def _fits(part: str, any_of: set[str]) -> bool:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    given = {
        name.strip(): value.strip().strip('"')
        for name, _, value in (one.partition("=") for one in parameters)
    }
    if _nothing(given.get("q", "1")):
        return False
    return kind in any_of or (kind == _TYPE and given.get("version", _VERSION) == _VERSION)


def _nothing(weight: str) -> bool:
    """Say whether a weight is zero: such a form is not wanted."""
    try:
        return not float(weight) > 0
    except ValueError:
        return True
