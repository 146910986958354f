"""ONVIF's device service and WS-Discovery: two read-only calls and one probe, written from their public names."""

from __future__ import annotations

from sekisho.formats.loose_xml import read_elements

PATH = "/onvif/device_service"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"


def call(name: str) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Return headers and body of a call without arguments and without credentials (SOAP 1.2)."""
    body = (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f'<s:Body><{name} xmlns="{_DEVICE}"/></s:Body></s:Envelope>'
    )
    kind = f'application/soap+xml; charset=utf-8; action="{_DEVICE}/{name}"'
    return (("Content-Type", kind),), body.encode()


def answers(document: str, name: str) -> bool:
    """Tell whether ``document`` is the response to the call ``name``."""
    return any(one.name == f"{name}Response" for one in read_elements(document))


def refuses(document: str) -> bool:
    """Tell whether it is a fault that asks for credentials."""
    text = document[:65_536].lower()
    return "notauthorized" in text or "not authorized" in text or "failedauthentication" in text


def probe(identifier: str) -> bytes:
    """Return a WS-Discovery Probe (April 2005) for any device; ``identifier`` is a UUID."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header>'
        f"<w:MessageID>uuid:{identifier}</w:MessageID>"
        "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
        "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>"
        "</e:Header><e:Body><d:Probe/></e:Body></e:Envelope>"
    ).encode()


def probed(document: str) -> bool:
    """Tell whether ``document`` is an answer to `probe`."""
    return any(one.name == "ProbeMatches" for one in read_elements(document))
