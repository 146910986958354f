"""UPnP as cheap routers have it: SSDP answers, a description, and port mappings for whoever asks."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import struct
import threading

from sekisho.demo.web import Answer, Asked, Said

GROUP = "239.255.255.250"
_SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
_DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
_XML = 'text/xml; charset="utf-8"'


def description(maker: str, model: str, serial: str) -> str:
    """Write the root description (UPnP Device Architecture 1.0, section 2)."""
    return f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>{_DEVICE}</deviceType><friendlyName>{model}</friendlyName>
<manufacturer>{maker}</manufacturer><modelName>{model}</modelName><serialNumber>{serial}</serialNumber>
<UDN>uuid:00000000-0000-1000-8000-000000000001</UDN>
<serviceList><service><serviceType>{_SERVICE}</serviceType>
<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/wanipcn.xml</SCPDURL>
<controlURL>/ctl/IPConn</controlURL><eventSubURL>/evt/IPConn</eventSubURL></service></serviceList></device></root>
"""


def control(mappings: list[dict[str, str]]) -> Answer:
    """Return the handler of the UPnP port: it adds and lists mappings and asks for no code."""

    def answer(asked: Asked) -> Said:
        if asked.path == "/rootDesc.xml":
            return Said(description("Donki Electronics", "DK-500", "0001"), kind=_XML)
        if asked.path != "/ctl/IPConn":
            return Said("not found", 404)
        text = asked.body.decode("utf-8", "replace")
        action = re.search(
            r"<(?:\w+:)?(AddPortMapping|DeletePortMapping|GetExternalIPAddress|GetGenericPortMappingEntry)\b",
            text,
        )
        if action is None:
            return Said(_envelope("<s:Fault><faultstring>UPnPError 401</faultstring></s:Fault>"), 500, _XML)
        return _act(action[1], dict(re.findall(r"<(New\w+)[^>]*>([^<]*)<", text)), mappings)

    return answer


def _act(action: str, given: dict[str, str], mappings: list[dict[str, str]]) -> Said:
    inner = ""
    if action == "AddPortMapping":
        mappings.append(given)
    elif action == "DeletePortMapping":
        mappings[:] = [one for one in mappings if one.get("NewExternalPort") != given.get("NewExternalPort")]
    elif action == "GetExternalIPAddress":
        inner = "<NewExternalIPAddress>192.0.2.1</NewExternalIPAddress>"
    else:
        index = given.get("NewPortMappingIndex", "0")
        if not index.isdecimal() or int(index) >= len(mappings):
            return Said(_envelope("<s:Fault><faultstring>UPnPError 713</faultstring></s:Fault>"), 500, _XML)
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in mappings[int(index)].items())
    return Said(
        _envelope(f'<u:{action}Response xmlns:u="{_SERVICE}">{inner}</u:{action}Response>'), kind=_XML
    )


def _envelope(body: str) -> str:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{body}</s:Body></s:Envelope>'
    )


def serve(address: str, port: int, location: str) -> None:
    """Answer M-SEARCH on one address, unicast and, where the system lets us, multicast."""
    sockets = [_bound(address, port)]
    if ipaddress.ip_address(address).version == 4:
        with contextlib.suppress(OSError):
            group = _bound(GROUP, port)
            membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(address))
            group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            sockets.append(group)
    for one in sockets:
        threading.Thread(target=_answer, args=(one, sockets[0], location), daemon=True).start()


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


def _answer(listening: socket.socket, sending: socket.socket, location: str) -> None:
    reply = (
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\nSERVER: Linux/3.10 UPnP/1.0 DonkiIGD/1.0\r\n"
        f"LOCATION: {location}\r\nST: {_DEVICE}\r\n"
        f"USN: uuid:00000000-0000-1000-8000-000000000001::{_DEVICE}\r\n\r\n"
    ).encode()
    while True:
        with contextlib.suppress(OSError):
            data, peer = listening.recvfrom(2048)
            if data.startswith(b"M-SEARCH"):
                sending.sendto(reply, peer)
