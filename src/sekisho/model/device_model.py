"""Device models: what members see of them, whose they are, what their makers advise, and how a finding is disclosed.

Nothing here has a place for a subscriber: a report counts devices of a model, and names ports and CVE numbers at most.
Times are milliseconds, 0 for never.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

import msgspec

from sekisho.model.indicator import Tlp


class ModelReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many devices of a model one member sees with one finding; a later report replaces the one before.

    :ivar vendor: with ``model`` and ``firmware``: as `plain` writes them; ``firmware`` may be empty
    :ivar finding: such as ``default-password`` or ``infected``
    :ivar ports: such as ``tcp/23``; ``cves`` such as ``CVE-2024-1234``
    """

    member: str
    vendor: str
    model: str
    firmware: str
    finding: str
    devices: int
    first: int
    last: int
    ports: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


class ShownPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one group of members is in a figure that a maker was told last.

    :ivar firmware: `WHOLE` where the figure is of all firmwares together
    :ivar side: the group
    """

    vendor: str
    model: str
    firmware: str
    finding: str
    side: str
    devices: int
    ports: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


#: In the place of a firmware: all of them together. No firmware is written so (`plain`).
WHOLE = "*"


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a model is a maker's; an empty ``model`` stands for all of the vendor."""

    vendor: str
    model: str
    maker: str


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a maker is told of a model: a rounded count of devices, and what enough groups of members saw alike."""

    vendor: str
    model: str
    firmware: str
    finding: str
    devices: int
    ports: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()


class Advisory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A maker's advisory (CSAF 2.0) as it came.

    :ivar name: its tracking id; ``version`` its tracking version
    :ivar finding: the finding that it belongs to, which keeps it back until it is decided; empty for none
    :ivar digest: SHA-256 of ``body``
    """

    id: str
    maker: str
    name: str
    version: str
    title: str
    category: str
    status: str
    released: str
    tlp: Tlp
    finding: str
    received: int
    digest: str
    body: str = ""


class Affected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an advisory says of a model: ``status`` as CSAF names it; ``issue`` a CVE number or the maker's own mark."""

    advisory: str
    vendor: str
    model: str
    version: str
    issue: str
    status: str


class Disclosure(StrEnum):
    """Where the disclosure of a finding stands. Only a person moves it on."""

    OPEN = "open"
    PUBLISHED = "published"
    WITHHELD = "withheld"


class DisclosedFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding in a model, from the day the hub knew of it.

    :ivar embargo: until when it isn't to be published; its end publishes nothing by itself
    :ivar decided: when a person decided on publication, ``decided_by`` who, ``reason`` why
    """

    id: str
    maker: str
    vendor: str
    model: str
    title: str
    created: int
    embargo: int
    state: Disclosure = Disclosure.OPEN
    decided: int = 0
    decided_by: str = ""
    reason: str = ""
    revision: int = 0


class DisclosureStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step: ``kind`` is ``opened``, ``told``, ``answered``, ``embargo``, ``decided`` or ``note``.

    :ivar whom: the member who was told or who answered; empty for nobody
    :ivar who: the person who wrote it
    """

    finding: str
    seq: int
    at: int
    kind: str
    whom: str
    who: str
    text: str = ""


def plain(name: str) -> str:
    """Return a name of a vendor, model or version as it is compared: without case, width and signs between."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in folded if sign.isalnum() or sign == ".")
