"""Texts as pairs: Japanese and English stand side by side, so neither can be missing (ADR 0004)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Language(StrEnum):
    """The two languages in which Sekisho speaks; Japanese comes first."""

    JA = "ja"
    EN = "en"


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence or label in both languages; ``{name}`` marks an argument."""

    ja: str
    en: str

    def say(self, language: Language, /, **arguments: object) -> str:
        """Return the sentence in ``language`` with its arguments filled in.

        A missing argument shows as ``{name}`` instead of raising: a report must never
        fail because an older evidence record lacks an argument.
        """
        return (
            getattr(self, language.value).format_map(_Shown(arguments))
            if arguments
            else str(getattr(self, language.value))
        )


class _Shown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
