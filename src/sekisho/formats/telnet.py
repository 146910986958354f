"""Telnet (RFC 854, options RFC 855, the Q method's memory RFC 1143): a parser that refuses every option.

Refusing politely is always allowed by RFC 855. Each option is answered once per direction and request,
so a storm of requests cannot make us answer without end.
"""

from __future__ import annotations

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
MOST_ANSWERS = 128
MOST_SUBNEGOTIATION = 4096


class Telnet:
    """Takes telnet bytes in any portions; gives text out, and the refusals to send back."""

    def __init__(self) -> None:
        self._state = "text"
        self._verb = 0
        self._held = 0
        self._answered: set[tuple[int, int]] = set()
        self.requests = 0
        """Option requests seen so far."""

    @property
    def speaks(self) -> bool:
        """Whether the peer has negotiated at all: only telnet does."""
        return self.requests > 0

    @property
    def storm(self) -> bool:
        """Whether the peer asks without end."""
        return self.requests > MOST_ANSWERS * 8

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the text in ``data`` and the answer that must be sent."""
        text, answer = bytearray(), bytearray()
        for byte in data:
            self._byte(byte, text, answer)
        return bytes(text), bytes(answer)

    def _byte(self, byte: int, text: bytearray, answer: bytearray) -> None:
        if self._state == "text":
            if byte == IAC:
                self._state = "command"
            elif byte:
                text.append(byte)
        elif self._state == "command":
            self._command(byte, text)
        elif self._state == "option":
            self._state = "text"
            self.requests += 1
            answer += self._refusal(self._verb, byte)
        elif self._state == "sub":
            self._held += 1
            if byte == IAC:
                self._state = "sub-command"
            elif self._held > MOST_SUBNEGOTIATION:
                self._state = "text"
        else:
            self._state = "text" if byte == SE else "sub"

    def _command(self, byte: int, text: bytearray) -> None:
        self._state = "text"
        if byte == IAC:
            text.append(IAC)
        elif byte in {DO, DONT, WILL, WONT}:
            self._verb, self._state = byte, "option"
        elif byte == SB:
            self._held, self._state = 0, "sub"
            self.requests += 1

    def _refusal(self, verb: int, option: int) -> bytes:
        if verb not in {DO, WILL} or (verb, option) in self._answered or len(self._answered) >= MOST_ANSWERS:
            return b""
        self._answered.add((verb, option))
        return bytes((IAC, WONT if verb == DO else DONT, option))


def escape(data: bytes) -> bytes:
    """Return ``data`` as it is sent: IAC doubled, line ends as CR LF."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines.replace(b"\xff", b"\xff\xff")
