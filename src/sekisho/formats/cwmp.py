"""Signs of TR-069 (CWMP): how the connection request server of a device shows itself.

The protocol leaves that server plain HTTP with Digest, so only its own words tell it from a Web page.
"""

from __future__ import annotations

import re

_WORDS = re.compile(r"\b(cwmp|tr-?0?69|tr-?0?64|connection[ _-]?request|tr64desc)", re.IGNORECASE)


def speaks(server: str, challenge: str, title: str) -> bool:
    """Tell by Server header, WWW-Authenticate header and title of an answer to GET / ."""
    return any(_WORDS.search(text[:300]) for text in (server, challenge, title))
