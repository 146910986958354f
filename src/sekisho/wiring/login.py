"""Who runs a command, for the record and for the roles that the settings give."""

from __future__ import annotations

import getpass
import os


def login() -> str:
    """Return the login name; the number of a user without a name, as containers have them (``uid 10001``)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
