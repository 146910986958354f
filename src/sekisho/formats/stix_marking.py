"""What the markings of a STIX object say about sharing: TLP 1 and 2.0, on the whole object and on its parts.

Whatever nobody can resolve counts as TLP:RED: an unknown marking, a malformed one, two that contradict each other
(then the stricter holds), and a marking on any part, because an object goes out whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.model.indicator import Tlp

#: The predefined markings: of STIX 2.1 (TLP 1, section 7.2.1.4) and of the OASIS common objects (TLP 2.0).
MARKINGS: Mapping[str, Tlp] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
}
#: The id with which a level is written (TLP 2.0).
WRITTEN: Mapping[Tlp, str] = {level: identifier for identifier, level in list(MARKINGS.items())[4:]}


def level_of(one: Mapping[str, Any], unmarked: Tlp) -> Tlp:
    """Return the strictest level that an object's markings ask for; ``unmarked`` when it bears none."""
    references = one.get("object_marking_refs")
    found = _levels(references if isinstance(references, list) else [])
    parts = one.get("granular_markings")
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, Mapping):
            found.append(Tlp.RED)
        elif "marking_ref" in part or "lang" not in part:
            found += _levels([part.get("marking_ref")])
    return max(found, default=unmarked)


def _levels(references: Iterable[Any]) -> list[Tlp]:
    return [MARKINGS.get(one, Tlp.RED) if isinstance(one, str) else Tlp.RED for one in references]
