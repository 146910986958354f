"""What a page is: a name, a place in the menu, and routes that each say who may use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from sekisho.language import Text
from sekisho.model.account import Permission

# It is given an `asked.Asked`; naming it here would close a circle.
Handler = Callable[[Any], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One path and method, its handler, and the permission that it asks for. There is no default permission.

    :ivar opens: how many octets a request's body may have
    :ivar bare: whether it is for programs that ask nothing of anybody's data: nobody is looked up, nobody is sent on
    :ivar fresh: whether a sign-in of the last minutes is asked for (keys, accounts, sending)
    """

    method: str
    path: str
    handler: Handler
    permission: Permission
    opens: int = 262_144
    fresh: bool = False
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A room of the console.

    :ivar name: also the name of its entry point
    :ivar order: its place in the menu; 0 keeps it out
    :ivar sign: one character that stands for it where the menu is narrow
    :ivar of_hub: whether it is there only where a hub is run
    """

    name: str
    title: Text
    routes: tuple[Route, ...]
    order: int = 0
    sign: str = ""
    of_hub: bool = False

    @property
    def path(self) -> str:
        """Where the menu leads."""
        return self.routes[0].path
