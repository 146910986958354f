"""A postal address as an envelope shows it: the postcode by itself, then its lines."""

from __future__ import annotations

import re
import unicodedata

from sekisho.model.identity import Contact

_POSTCODE = re.compile(r"^\s*〒?\s*([0-9]{3}-?[0-9]{4})(?![0-9])[\s　]*")


def postal(contact: Contact) -> tuple[str, tuple[str, ...]]:
    """Return the postcode as ``123-4567`` (empty when none is written first) and the lines of the address."""
    lines = [line.strip() for line in contact.postal_address.replace("\r", "\n").split("\n") if line.strip()]
    if not lines:
        return "", ()
    # Full-width digits and hyphens are the same postcode.
    found = _POSTCODE.match(
        unicodedata.normalize("NFKC", lines[0]).replace("−", "-").replace("‐", "-").replace("ー", "-")
    )
    if not found:
        return "", tuple(lines)
    digits = found.group(1).replace("-", "")
    rest = lines[0][found.end() :].strip()
    return f"{digits[:3]}-{digits[3:]}", tuple([rest] if rest else []) + tuple(lines[1:])
