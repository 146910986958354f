"""Keeps the codes of the terminal out of the report.

The wire already keeps secrets out of the evidence; this is the second lock. A description holds the
real codes (a label's password, the maker's account), and a device may echo one in a page. Whatever the
report would print is searched for them in plain, URL-encoded and Basic (base64) form.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from sekisho.model.terminal import Code, Terminal

_WHOLE = 6
_HIDDEN = "«secret»"  # what a description without its secrets holds in their place
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


class Redaction:
    """Replaces known codes by a placeholder that says which code stood there."""

    def __init__(self, terminal: Terminal) -> None:
        """Compile one expression for all codes of ``terminal``."""
        self._labels: dict[str, str] = {}
        patterns: list[str] = []
        for label, code in codes(terminal):
            for form, pattern in _forms(code):
                if form not in self._labels:
                    self._labels[form] = label
                    patterns.append(pattern)
        patterns.sort(key=len, reverse=True)
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        """Return ``text`` without the codes."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: f"‹{self._labels.get(match.group(0), 'code')}›", text)


def codes(terminal: Terminal) -> Iterator[tuple[str, Code]]:
    """Yield every resolved code of the description with a label for it."""
    for login in terminal.logins:
        for origin, code in (("preset", login.preset), ("current", login.current), ("low", login.low)):
            if code is not None:
                yield f"code {login.name} {origin}", code
    for unit in terminal.units:
        if isinstance(unit.code, str):
            yield f"code unit {unit.id}", Code("", unit.code)


def _forms(code: Code) -> Iterator[tuple[str, str]]:
    """Yield each form that the code takes on the wire, with an expression that finds it.

    A long code is replaced wherever it stands alone. A short one (``admin``) is an ordinary word of
    every page: it is replaced only where a value is being handed over.
    """
    secret = code.password
    if not isinstance(secret, str) or secret in {"", _HIDDEN}:
        return
    basic = base64.b64encode(f"{code.user}:{secret}".encode()).decode()
    yield basic, re.escape(basic)
    quoted = "".join(
        one if one in _UNRESERVED else "".join(f"%{b:02X}" for b in one.encode()) for one in secret
    )
    for form in {secret, quoted}:
        if len(secret) >= _WHOLE and secret != code.user:
            yield form, rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])"
        else:
            yield form, rf"(?<=[a-z]=){re.escape(form)}(?=[&\s\\]|$)"
