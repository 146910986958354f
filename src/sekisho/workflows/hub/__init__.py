"""The verbs of the hub: taking in members, taking what they share, weighing it, handing it out."""

from __future__ import annotations

from sekisho.workflows.hub.books import OPERATOR, Books
from sekisho.workflows.hub.counting import expire_counts
from sekisho.workflows.hub.deciding import decide, retired_items, verify
from sekisho.workflows.hub.entering import (
    ACCESS_SECONDS,
    Bearer,
    access,
    bearer,
    certified,
    enter,
    grant,
    hold,
    make_token,
    pin,
    revoke,
    rotate,
    set_state,
    standard_rights,
)
from sekisho.workflows.hub.model_figures import release_models
from sekisho.workflows.hub.models import expire_models
from sekisho.workflows.hub.peering import add_peer, remove_peer
from sekisho.workflows.hub.shelves import Shelves, Visible
from sekisho.workflows.hub.weighing import heard, publish, settle, standings_for, sweep

__all__ = [
    "ACCESS_SECONDS",
    "OPERATOR",
    "Bearer",
    "Books",
    "Shelves",
    "Visible",
    "access",
    "add_peer",
    "bearer",
    "certified",
    "decide",
    "enter",
    "expire_counts",
    "expire_models",
    "grant",
    "heard",
    "hold",
    "make_token",
    "pin",
    "publish",
    "release_models",
    "remove_peer",
    "retired_items",
    "revoke",
    "rotate",
    "set_state",
    "settle",
    "standard_rights",
    "standings_for",
    "sweep",
    "verify",
]
