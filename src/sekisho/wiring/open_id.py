"""Marries the provider of OpenID Connect: ``oidc.toml`` of the data folder, the client's secret, the extra ``oidc``."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.fault_text import fault_text
from sekisho.language import Text
from sekisho.model.open_id import OpenIdRules

if TYPE_CHECKING:
    from sekisho.exchange.open_id import OpenIdProvider

SETTINGS = "oidc.toml"
_LONGEST_SECRET = 4096
_WRONG = Text(ja="OpenID Connect の設定に誤りがある", en="the settings of OpenID Connect are wrong")


def open_provider(folder: Path) -> OpenIdProvider | None:
    """Return the provider that the data folder names; None when it names none. Nothing is asked of it yet.

    :raises DescriptionError: the settings are wrong, or the extra isn't installed
    """
    file = folder / SETTINGS
    if not file.exists():
        return None
    try:
        rules = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), OpenIdRules)
    except (OSError, ValueError) as error:
        raise DescriptionError(_WRONG, str(file), fault_text(error)) from error
    if not rules.roles or not rules.client or not rules.issuer:
        raise DescriptionError(
            _WRONG,
            str(file),
            Text(ja="issuer、client、roles が要る", en="issuer, client and roles are needed"),
        )
    if importlib.util.find_spec("joserfc") is None:
        raise DescriptionError(
            Text(ja="joserfc が入っていない", en="joserfc isn't installed"),
            str(file),
            Text(ja="pip install 'sekisho[oidc]' で入れる", en="install it: pip install 'sekisho[oidc]'"),
        )
    from sekisho.exchange.open_id import OpenIdProvider

    return OpenIdProvider(rules, lambda: _secret(folder, rules))


def _secret(folder: Path, rules: OpenIdRules) -> str:
    """Return the client's secret. :raises DescriptionError: its file can't be read, or others may read it."""
    path = folder / rules.secret_file
    try:
        with path.open(encoding="utf-8") as file:
            mode = path.stat().st_mode
            found = file.read(_LONGEST_SECRET).strip()
    except (OSError, ValueError) as error:
        raise DescriptionError(_WRONG, f"{SETTINGS}: secret_file: {type(error).__name__}") from error
    if mode & 0o077:
        raise DescriptionError(
            _WRONG, f"{SETTINGS}: secret_file", Text(ja="chmod 600 にする", en="chmod 600")
        )
    return found
