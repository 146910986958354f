"""Thresholds of the detectors, as data: value, where it comes from, why it is there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.verdict import Scalar


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One threshold: ``source`` "own" when it is our choice; ``confidence`` as in the facts files."""

    value: Scalar
    source: str
    why: str
    confidence: str = "own"


@cache
def settings(detector: str) -> Mapping[str, Setting]:
    """Return the settings of one detector by name; none when the catalogue has nothing for it (a plug-in)."""
    document = tomllib.loads(
        files("sekisho.catalogues").joinpath("detection.toml").read_text(encoding="utf-8")
    )
    return msgspec.convert(document.get(detector, {}), dict[str, Setting])


def parameters(detector: str, own: Mapping[str, Scalar] | None = None) -> dict[str, Scalar]:
    """Return what ``detector`` is run with: the catalogue's values, overruled by the operator's ``own``.

    :raises CatalogueError: when ``own`` names a parameter that the detector doesn't have, or of another type
    """
    known = settings(detector)
    chosen: dict[str, Scalar] = {name: setting.value for name, setting in known.items()}
    for name, value in (own or {}).items():
        if name not in known or isinstance(value, str) != isinstance(known[name].value, str):
            raise CatalogueError(
                Text(ja="検出の設定に誤りがある", en="a detector's setting is wrong"),
                f"[detect.{detector}] {name} = {value!r}",
                Text(ja=f"使える設定：{'、'.join(known)}", en=f"settings: {', '.join(known)}"),
            )
        chosen[name] = value
    return chosen
