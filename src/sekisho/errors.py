"""Errors that explain themselves: what happened, where, and what to do about it.

Each carries its texts in both languages. What a *peer* does wrong (a time-out, a reset, a lying
length) is `PeerFailure`: the wire turns it into data of the evidence record, never into a crash.
"""

from __future__ import annotations

from sekisho.language import Language, Text

NOTHING = Text(ja="", en="")


class SekishoError(Exception):
    """Something that a person can act on; ``exit_code`` is what the command line ends with."""

    exit_code = 2

    def __init__(self, what: Text, where: str = "", todo: Text = NOTHING) -> None:
        """Keep what happened, where (file and line, address, path) and what to do."""
        super().__init__(what.en)
        self.what = what
        self.where = where
        self.todo = todo

    def explain(self, language: Language) -> str:
        """Return the two or three lines shown to a person."""
        lines = [self.what.say(language)]
        if self.where:
            lines.append(f"  → {self.where}")
        if self.todo.en:
            lines.append(f"  {self.todo.say(language)}")
        return "\n".join(lines)


class DescriptionError(SekishoError):
    """A terminal description, plan or answer file that can't be read or contradicts itself."""


class NothingThere(DescriptionError):
    """There is nothing to look at, so nothing can be said."""

    exit_code = 3


class CatalogueError(SekishoError):
    """A catalogue with an unknown criterion, a double id, overlapping dates or a bad field."""


class AuthorisationError(SekishoError):
    """Nothing may be sent: no authorisation, out of scope, expired, or the wrong device."""


class EvidenceError(SekishoError):
    """An evidence folder that is torn, altered, in use by another run or not one of ours."""


class PluginError(SekishoError):
    """A plug-in that can't be found or doesn't fit its socket."""


class StoreError(SekishoError):
    """The disk is full or refuses to be written; what was stored before stays good."""


class ReadingError(SekishoError):
    """A file of flows, indicators or logs that can't be read at all, or a wrong option for it."""


class PurposeError(AuthorisationError):
    """Data were asked for a purpose that their label does not allow; the refusal is logged."""


class UnstorableError(DescriptionError, StoreError):
    """What was given can't be stored as it is: the fault is in it, and the store is well."""


class ConflictError(StoreError):
    """Somebody else changed the same thing in between; nothing was stored, look again."""


class RenderError(SekishoError):
    """A report that can't be made, and why."""


class Unreachable(SekishoError):
    """The terminal doesn't answer at all."""

    exit_code = 4


class Stopped(SekishoError):
    """Stopped by the person at the keyboard; ``--resume`` goes on from here."""

    exit_code = 130


class PeerFailure(Exception):
    """A peer did not do what its protocol asks; ``reason`` is a stable id, ``detail`` is for people.

    Reasons: ``timed-out``, ``refused``, ``reset``, ``closed``, ``unreachable``, ``tls``,
    ``malformed``, ``too-large``, ``too-slow``, ``loop``, ``budget``, ``unsupported``, ``left-out``.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep the reason id and a short detail in English (it is evidence, not a message)."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
