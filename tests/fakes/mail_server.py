"""A real SMTP server (aiosmtpd) in a process of its own: it writes down each message that it took, then says 250."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path


class Log:
    """aiosmtpd handler: one JSON line for each message taken; misbehaves by recipient."""

    def __init__(self, file: Path) -> None:
        self.out = file.open("ab", buffering=0)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd names it
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        if address.startswith("gone"):
            return f"550 5.1.1 <{address}>: {address.partition('@')[0]} has left"
        if address.startswith("later"):
            return "451 4.7.1 greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd names it
        from email.parser import BytesHeaderParser

        if envelope.rcpt_tos[0].startswith("spam"):
            return "554 5.7.1 content refused"
        message = BytesHeaderParser().parsebytes(envelope.content)
        line = {
            "id": message["Message-ID"], "to": envelope.rcpt_tos, "from": envelope.mail_from,
            "tls": session.ssl is not None, "peer": session.peer[1],
            "text": envelope.content.decode("ascii") if "keep" in envelope.rcpt_tos[0] else "",
        }  # fmt: skip
        os.write(self.out.fileno(), json.dumps(line).encode() + b"\n")
        if envelope.rcpt_tos[0].startswith("silent"):
            # Takes the message and dies without an answer.
            session_transport = server.transport
            session_transport.abort()
            await asyncio.sleep(0.05)
        return "250 taken"


async def serve(file: Path, certificate: str) -> None:
    from aiosmtpd.smtp import SMTP

    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Log(file), tls_context=context, require_starttls=bool(certificate), hostname="mx.test"),
        "127.0.0.1",
        0,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class MailServer:
    """Start it, read what it took, stop it (by its pid)."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        self.file = folder / "taken.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, str(self.file), str(certificate or "")],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, "the mail server did not start"
        self.port = int(line)

    def taken(self) -> list[dict]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
        time.sleep(0)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
