"""Find, load, check and list units; built-ins come in by the same door as strangers (entry points).

A broken plug-in is listed with its fault and left out; it never stops the rest.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import Distribution, EntryPoint, EntryPoints, entry_points
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from sekisho.errors import PluginError
from sekisho.language import Text

# What an object of each kind must have to fit its socket (ports.py).
KINDS: dict[str, tuple[str, ...]] = {
    "probes": ("name", "version", "risk", "title", "facts", "plan", "collect", "observe"),
    "criteria": ("name", "title", "needs", "reasons", "judge"),
    "readers": ("name", "title", "options", "detect", "read"),
    "assignment_readers": ("name", "title", "options", "detect", "read"),
    "detectors": ("name", "version", "title", "purpose", "reasons", "parameters", "detect"),
    "renderers": ("name", "suffix", "by_language", "render"),
    "stores": ("append", "keep", "read", "events", "close"),
    "record_stores": ("append", "tables", "compact", "expire", "state"),
    "catalogues": ("__call__",),
    "pages": ("name", "title", "routes", "order"),
}

# Each look at a distribution's name reads its whole description again.
_LABELS: WeakKeyDictionary[Distribution, str] = WeakKeyDictionary()


class Plugin(msgspec.Struct, frozen=True):
    """One unit as found: ``fault`` is empty when it loaded and fits."""

    kind: str
    name: str
    origin: str
    fault: str = ""
    unit: Any = None


def find(kind: str) -> tuple[Plugin, ...]:
    """Return all plug-ins of ``kind`` by name, broken ones included."""
    points = sorted(_installed(f"sekisho.{kind}"), key=lambda point: (point.name, point.value))
    found: dict[str, Plugin] = {}
    for point in points:
        plugin = _load(kind, point)
        if point.name in found and found[point.name].origin != plugin.origin:
            plugin = Plugin(
                kind, point.name, plugin.origin, f"the name is taken by {found[point.name].origin}"
            )
            found[f"{point.name} ({point.value})"] = plugin
        else:
            found[point.name] = plugin
    return tuple(found.values())


def units(kind: str) -> dict[str, Any]:
    """Return the working units of ``kind`` by name."""
    return {plugin.name: plugin.unit for plugin in find(kind) if not plugin.fault}


def names(kind: str) -> tuple[str, ...]:
    """Return the names of ``kind`` without loading anything (for help and completion)."""
    return tuple(sorted({point.name for point in _installed(f"sekisho.{kind}")}))


def unit(kind: str, name: str) -> Any:
    """Return one unit; PluginError when there is none or it is broken."""
    for point in _installed(f"sekisho.{kind}").select(name=name):
        plugin = _load(kind, point)
        if plugin.fault:
            raise PluginError(
                Text(ja="プラグインが壊れている", en="the plug-in is broken"),
                f"{kind} {name} ({plugin.origin}): {plugin.fault}",
            )
        return plugin.unit
    raise PluginError(
        Text(ja="その名前のものはない", en="there is nothing of that name"),
        f"{kind} {name}",
        Text(ja=f"あるもの：{'、'.join(names(kind))}", en=f"there are: {', '.join(names(kind))}"),
    )


@cache
def _installed(group: str) -> EntryPoints:
    """Return what was installed when this process first looked; each look reads the files of all distributions."""
    return entry_points(group=group)


def _load(kind: str, point: EntryPoint) -> Plugin:
    origin = _label(point.dist) if point.dist else point.value
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 - a stranger's import may fail in any way; it is listed
        return Plugin(kind, point.name, origin, f"{type(error).__name__}: {error}")
    missing = [part for part in KINDS[kind] if not hasattr(loaded, part)]
    if missing:
        return Plugin(kind, point.name, origin, f"lacks {', '.join(missing)}")
    if (
        kind in {"probes", "criteria", "readers", "assignment_readers", "detectors", "renderers"}
        and loaded.name != point.name
    ):
        return Plugin(kind, point.name, origin, f"calls itself {loaded.name}")
    return Plugin(kind, point.name, origin, "", loaded)


def _label(distribution: Distribution) -> str:
    label = _LABELS.get(distribution)
    if label is None:
        said = distribution.metadata
        label = _LABELS[distribution] = f"{said['Name']} {said['Version']}"
    return label
