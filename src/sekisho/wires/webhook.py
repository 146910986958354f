"""The way to a system of the operator's: one signed POST, https, a time-out, no redirects, a bounded answer."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from sekisho.errors import DescriptionError
from sekisho.formats.loopback import is_loopback
from sekisho.language import Text
from sekisho.model.notifying import Webhook
from sekisho.ports.cases import Delivery

_MOST = 4096
_OK = range(200, 300)
# Not taken, and worth another try: too many requests, or the server itself is ill before it looked.
_LATER = frozenset({408, 425, 429, 503})
_CLIENT_FAULT = range(300, 500)


class WebhookCarrier:
    """A `Carrier` over HTTPS. ``headers`` signs a payload: (payload, identifier) → headers."""

    def __init__(self, settings: Webhook, headers: Callable[[bytes, str], Mapping[str, str]]) -> None:
        """Keep the settings.

        :raises DescriptionError: no URL, or plain http beyond the loopback
        """
        try:
            url = urlsplit(settings.url)
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        host = url.hostname or ""
        if (
            url.scheme not in {"https", "http"}
            or not host
            or url.username
            or (url.scheme == "http" and not is_loopback(host, by_name=True))
        ):
            raise DescriptionError(
                Text(ja="webhookにはhttpsのURLが要る", en="a webhook needs an https URL"),
                "notices.toml: webhook.url",
            )
        self._secure = url.scheme == "https"
        self._host, self._port = host, port
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._timeout = settings.timeout
        self._headers = headers

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:  # noqa: ARG002 - the port's signature
        """Post; see `Carrier`. A redirect is refused: the receiver was named, and it is nobody else."""
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as error:
            connection.close()
            return Delivery("unreachable", _said(error))
        try:
            connection.request("POST", self._path, payload, dict(self._headers(payload, identifier)))
            reply = connection.getresponse()
            text = reply.read(_MOST).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return Delivery("unknown", _said(error))
        finally:
            connection.close()
        said = f"{reply.status} {' '.join(text.split())}"[:300]
        if reply.status in _OK:
            return Delivery("accepted", said)
        if reply.status in _LATER:
            return Delivery("deferred", said)
        # 5xx other than 503: the receiver may have done its work before it failed.
        return Delivery("refused" if reply.status in _CLIENT_FAULT else "unknown", said)

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
