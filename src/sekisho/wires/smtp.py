"""The way to a mail server: Python's smtplib with TLS, time-outs and one connection for many messages.

What matters is the difference between *certainly not taken* and *nobody knows*: until the message's octets go out the
server has nothing; from then until its answer the outcome is unknown. A failure is an outcome, never an exception.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sekisho.errors import DescriptionError
from sekisho.formats.loopback import is_loopback
from sekisho.language import Text
from sekisho.model.notifying import Security, Smtp
from sekisho.ports.cases import Delivery

_START_MAIL, _CLOSING = 354, 421
_NO_CODE = -1  # smtplib's, for an answer that begins with no number
_PERMANENT = range(500, 600)
_TAKEN = range(200, 300)
_FAILURES = range(400, 600)


class SmtpCarrier:
    """A `Carrier` over SMTP (RFC 5321); not for several threads.

    ``sender`` is the envelope's return path: where bounces go. Delivery receipts (RFC 3461) are asked for when the
    server offers them, with the notice's id as envelope id.
    """

    def __init__(self, settings: Smtp, sender: str, folder: Path = Path()) -> None:
        """Keep the settings; files they name lie relative to ``folder``. Nothing is sent yet.

        :raises DescriptionError: no server is named, or one beyond the loopback shall be spoken to without TLS
        """
        if not settings.host:
            raise DescriptionError(
                Text(ja="メールサーバーが設定されていない", en="no mail server is set"),
                "notices.toml: smtp.host",
            )
        if settings.security is Security.NONE and not is_loopback(settings.host, by_name=True):
            raise DescriptionError(
                Text(
                    ja="暗号化なしで使えるのは同じ機械のメールサーバーだけ",
                    en="without TLS, only a mail server on this machine is spoken to",
                ),
                f"notices.toml: smtp.security, {settings.host}",
            )
        self._settings = settings
        self._sender = sender
        self._folder = folder
        self._connection: smtplib.SMTP | None = None
        self._sent = 0
        self._offered = False

    def __enter__(self) -> Self:
        """Return itself; the connection is made with the first message."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye to the server."""
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except (smtplib.SMTPException, OSError):
                self._connection.close()
            self._connection = None

    def deliver(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        """Hand one message over; see `Carrier`."""
        used, self._offered = self._connection is not None, False
        outcome = self._once(payload, recipient, identifier)
        if used and self._connection is None and not self._offered and outcome.state == "deferred":
            # The server ended a connection that it had grown tired of; this message it has not seen.
            outcome = self._once(payload, recipient, identifier)
        return outcome

    def _once(self, payload: bytes, recipient: str, identifier: str) -> Delivery:
        try:
            connection = self._connected()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            # A refusal at this stage is about us and not about the message: it can go later, as any other can.
            return Delivery("unreachable", _said(error))
        try:
            if refusal := self._envelope(connection, recipient, identifier):
                return refusal
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            self._drop()
            return Delivery("deferred", _said(error))
        return self._data(connection, payload)

    def _envelope(self, connection: smtplib.SMTP, recipient: str, identifier: str) -> Delivery | None:
        """Send everything that comes before the message's octets; None when the server waits for them."""
        receipts = connection.has_extn("dsn")
        steps: tuple[Callable[[], tuple[int, bytes]], ...] = (
            lambda: connection.mail(self._sender, ["RET=HDRS", f"ENVID={identifier}"] if receipts else []),
            lambda: connection.rcpt(recipient, ["NOTIFY=SUCCESS,FAILURE,DELAY"] if receipts else []),
            lambda: connection.docmd("DATA"),
        )
        for number, step in enumerate(steps):
            code, text = step()
            expected = code == _START_MAIL if number == len(steps) - 1 else code in _TAKEN
            if not expected:
                self._after_refusal(connection, code)
                return _refused(code, text)
        return None

    def _data(self, connection: smtplib.SMTP, payload: bytes) -> Delivery:
        dotted = smtplib._quote_periods(payload)  # type: ignore[attr-defined]  # noqa: SLF001 - dot stuffing of RFC 5321, 4.5.2
        self._offered = True
        ending = b".\r\n" if dotted.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            connection.send(dotted + ending)
            code, text = connection.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Delivery("unknown", _said(error))
        if code in _TAKEN:
            self._sent += 1
            if self._sent >= self._settings.per_connection:
                self.close()
            return Delivery("accepted", _words(code, text))
        if code not in _FAILURES:
            # No answer that the protocol knows at this place: it may well have been taken.
            self._drop()
            return Delivery("unknown", _words(code, text))
        self._after_refusal(connection, code)
        # An answer with a code of failure says that the server did not take the message (RFC 5321, 4.2.5).
        return _refused(code, text)

    def _after_refusal(self, connection: smtplib.SMTP, code: int) -> None:
        if code in {_CLOSING, _NO_CODE}:
            self._drop()
            return
        try:
            connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            return self._connection
        settings = self._settings
        self._sent = 0
        if settings.security is Security.TLS:
            made: smtplib.SMTP = _TlsSession(
                settings.host, settings.port, timeout=settings.timeout, context=self._context()
            )
        else:
            made = _Session(settings.host, settings.port, timeout=settings.timeout)
        self._connection = made
        made.ehlo_or_helo_if_needed()
        if settings.security is Security.STARTTLS:
            # Raises when the server does not offer it: a stripped STARTTLS never leads to plain text.
            made.starttls(context=self._context())
            made.ehlo()
        if settings.user:
            made.login(settings.user, self._password())
        return made

    def _context(self) -> ssl.SSLContext:
        authority = self._settings.ca_file
        return ssl.create_default_context(cafile=str(self._folder / authority) if authority else None)

    def _password(self) -> str:
        return (self._folder / self._settings.password_file).read_text("utf-8").strip()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Heard:
    """What a server says, with its last line kept as it came: smtplib cuts off four signs before it knows better."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = bytes(self._file.readline(limit))
        return self.last

    def close(self) -> None:
        self._file.close()


class _WholeWords:
    """Keeps an answer that is none of SMTP whole; beside one of smtplib's sessions."""

    file: Any
    sock: Any

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = _Heard(self.sock.makefile("rb"))
        heard = self.file
        code, text = super().getreply()  # type: ignore[misc]
        return (code, heard.last) if code == _NO_CODE else (code, text)


class _Session(_WholeWords, smtplib.SMTP):
    pass


class _TlsSession(_WholeWords, smtplib.SMTP_SSL):
    pass


def _refused(code: int, text: bytes) -> Delivery:
    return Delivery("refused" if code in _PERMANENT else "deferred", _words(code, text))


def _words(code: int, text: bytes) -> str:
    said = " ".join(text.decode("utf-8", "replace").split())
    return (f"no answer of SMTP: {said!r}" if code == _NO_CODE else f"{code} {said}")[:300]


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _words(error.smtp_code, said if isinstance(said, bytes) else str(said).encode())
    return f"{type(error).__name__}: {error}"[:300]
