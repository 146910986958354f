"""The numbers of signing in and the known words, as data; see ``sign_in.toml`` for the reason of each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.errors import CatalogueError
from sekisho.formats.codes import MIRAI
from sekisho.language import Text
from sekisho.model.password_policy import PasswordPolicy
from sekisho.model.sign_in_rules import SignInRules

_SHORTEST_WORD = 4


class Reasoned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number; ``source`` "own" when no text fixes it."""

    value: int
    source: str
    why: Text


class _Passwords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: tuple[str, ...]
    words: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: dict[str, Reasoned]
    passwords: _Passwords


@cache
def settings() -> Mapping[str, Reasoned]:
    """Return every number with its source and reason."""
    return _file().rules


def sign_in_rules(own: Mapping[str, int] | None = None) -> SignInRules:
    """Return the catalogue's numbers, overruled by the operator's ``own``.

    :raises CatalogueError: an unknown name, or a number that isn't above zero
    """
    chosen = {name: one.value for name, one in settings().items()} | dict(own or {})
    try:
        found = msgspec.convert(chosen, SignInRules)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    for name in SignInRules.__struct_fields__:
        if getattr(found, name) <= 0:
            raise _wrong(f"{name} = {getattr(found, name)}")
    return found


def password_policy(rules: SignInRules) -> PasswordPolicy:
    """Return the policy for new passwords: the lengths of the rules and the known words."""
    known = _file().passwords
    attacked = (code.casefold() for _, code in MIRAI)
    words = dict.fromkeys(
        word for word in (*known.words, *attacked) if len(word) >= _SHORTEST_WORD or not word.isascii()
    )
    return PasswordPolicy(
        least=rules.password_least,
        longest=rules.password_longest,
        rest=rules.password_rest,
        words=tuple(word for word in words if word),
        rows=known.rows,
    )


@cache
def _file() -> _File:
    text = files("sekisho.catalogues").joinpath("sign_in.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File)


def _wrong(where: str) -> CatalogueError:
    return CatalogueError(
        Text(ja="サインインの設定に誤りがある", en="a setting of the sign-in is wrong"),
        f"[sign_in] {where}",
        Text(ja=f"使える設定：{'、'.join(settings())}", en=f"settings: {', '.join(settings())}"),
    )
