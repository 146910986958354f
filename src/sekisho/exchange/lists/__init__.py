"""Lists of indicators in the forms the world ships, read into `model.indicator.Indicator`.

`read_list` recognises the form; each form has one file here. An entry that is wrong is rejected with its place and
reason and the rest is taken: a list of 100,000 lines always has some bad ones, and one must see which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sekisho.errors import ReadingError
from sekisho.exchange.lists import misp, netblocks, own, plain, stix, tables, trails, zeek_intel
from sekisho.exchange.lists.entries import Entries, Limits, Reading
from sekisho.language import Text

__all__ = ["FORMS", "Limits", "Reading", "read_list"]

_HEAD = 65_536


class Form(NamedTuple):
    """One form: ``sniff(head, name)`` and ``read(octets, entries, options)``."""

    name: str
    sniff: Callable[[str, str], bool]
    read: Callable[[bytes, Entries, Mapping[str, str]], None]


# In the order in which they are asked; plain takes what nobody else wants.
FORMS: Mapping[str, Form] = {
    room.NAME: Form(room.NAME, room.sniff, room.read)
    for room in (own, stix, misp, zeek_intel, trails, netblocks, tables, plain)
}


def read_list(
    octets: bytes,
    name: str,
    *,
    form: str = "",
    limits: Limits | None = None,
    options: Mapping[str, str] | None = None,
) -> Reading:
    """Read one list.

    :param name: what it is called: becomes the indicators' source; its ending helps to recognise the form
    :param form: a key of `FORMS`; empty: recognised by content
    :param options: of the form (``source`` overrides the source's name in all)
    :raises ReadingError: an unknown form, or more octets than the limit
    """
    limits, options = limits or Limits(), dict(options or {})
    if len(octets) > limits.octets:
        raise ReadingError(
            Text(ja="リストが大きすぎる", en="the list is too large"),
            f"{name}: {len(octets)} > {limits.octets}",
        )
    if form and form not in FORMS:
        raise ReadingError(
            Text(ja="その名前のリスト形式はない", en="there is no list form of that name"),
            form,
            Text(ja=f"あるもの：{'、'.join(FORMS)}", en=f"there are: {', '.join(FORMS)}"),
        )
    head = octets[:_HEAD].decode("utf-8-sig", "replace")
    chosen = (
        FORMS[form]
        if form
        else next((one for one in FORMS.values() if one.sniff(head, name)), FORMS["plain"])
    )
    entries = Entries(options.get("source", name), limits)
    chosen.read(octets, entries, {"name": name} | options)
    return entries.done(chosen.name)
