"""From a login's service to an endpoint: declared services by name, undeclared ones as ``telnet://address:port``."""

from __future__ import annotations

import re

from sekisho.errors import PeerFailure
from sekisho.model.terminal import Interface, Terminal
from sekisho.ports import Endpoint

_FOUND = re.compile(r"([a-z][a-z0-9+.-]*)://(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:/\[\]]+)):(\d{1,5})/?")
_TLS = frozenset({"https"})


def place(endpoint: Endpoint, protocol: str) -> str:
    """Return the service name of something found but not declared, such as ``http://192.168.1.1:81``."""
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{protocol}://{address}:{endpoint.port}"


def resolve(terminal: Terminal, service: str, source: str = "") -> Endpoint:
    """Return where ``service`` is. An unknown service raises PeerFailure("unsupported").

    Without ``source`` the first own address of the same family at that interface is used.
    """
    declared = terminal.service(service)
    if declared is not None:
        interface = terminal.interface(declared.interface)
        if interface is None or not interface.addresses:
            raise PeerFailure("unsupported", f"the interface {declared.interface} has no address")
        address = _like(interface.addresses, source) or interface.addresses[0]
        tls = declared.tls or declared.protocol in _TLS
        return _endpoint(interface, address, declared.port, tls=tls, source=source)
    found = _FOUND.fullmatch(service)
    if found is None:
        raise PeerFailure("unsupported", f"no service is called {service}")
    address = found[2] or found[3]
    at = next((one for one in terminal.interfaces if address in one.addresses), None)
    return _endpoint(at, address, int(found[4]), tls=found[1] in _TLS, source=source)


def _endpoint(interface: Interface | None, address: str, port: int, *, tls: bool, source: str) -> Endpoint:
    own = interface.sources if interface is not None else ()
    return Endpoint(
        address=address,
        port=port,
        tls=tls,
        source=source or _like(own, address),
        device=interface.device if interface is not None else "",
    )


def _like(addresses: tuple[str, ...], other: str) -> str:
    """Return the first of ``addresses`` of the family of ``other``; empty when ``other`` is empty."""
    if not other:
        return ""
    return next((one for one in addresses if (":" in one) == (":" in other)), "")
