"""Small telnet devices on loopback: prompts, a toy shell, and bad manners."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

OPTIONS = bytes([255, 253, 24, 255, 251, 1, 255, 251, 3])


class TelnetDevice:
    """Options: codes, prompts, open, cli, change, lock (tries), storm, endless, mute, silent_on_wrong."""

    def __init__(self, codes: dict[str, str] | None = None, **options: Any) -> None:
        self.codes = {"root": "s3cret!"} if codes is None else codes
        self.options = options
        self.tried: list[tuple[str, str]] = []
        self.wrong = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        options = self.options
        if options.get("mute"):
            await reader.read(1000)
            await asyncio.sleep(30)
        if options.get("storm"):
            while True:
                writer.write(bytes([255, 253, 24]) * 500)
                await writer.drain()
        if options.get("endless"):
            while True:
                writer.write(b"Welcome to the endless banner\r\n")
                await writer.drain()
                await asyncio.sleep(options["endless"])
        writer.write(OPTIONS + b"\x1b[2JAcme RT-200\r\n")
        if options.get("lock") and self.wrong >= options["lock"]:
            writer.write(b"Too many failed login attempts. Try again in 60 seconds.\r\n")
            await writer.drain()
            return
        if not options.get("open"):
            user = ""
            if options.get("user_prompt", "login: "):
                user = await self._ask(reader, writer, options.get("user_prompt", "login: "), echo=True)
            password = await self._ask(reader, writer, options.get("password_prompt", "Password: "))
            self.tried.append((user, password))
            if self.codes.get(user) != password and not options.get("accept_all"):
                self.wrong += 1
                if options.get("hang_up"):
                    return
                writer.write(b"Login incorrect\r\nlogin: ")
                await writer.drain()
                await reader.read(1000)
                return
            self.wrong = 0
        if options.get("change"):
            await self._ask(reader, writer, "You must change your password.\r\nNew password: ")
            return
        await self._shell(reader, writer)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, prompt: str, *, echo: bool = False
    ) -> str:
        writer.write(prompt.encode())
        await writer.drain()
        line = await self._line(reader)
        if echo:
            writer.write(line.encode() + b"\r\n")
        return line

    async def _line(self, reader: asyncio.StreamReader) -> str:
        raw = await reader.readuntil(b"\n")
        return re.sub(rb"\xff[\xfb-\xfe].", b"", raw, flags=re.DOTALL).decode().strip("\r\n\0")

    async def _shell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        prompt = b"RT-200> " if self.options.get("cli") else b"\x1b[1m~ # \x1b[0m"
        while True:
            writer.write(prompt)
            await writer.drain()
            command = await self._line(reader)
            writer.write(command.encode() + b"\r\n")
            if self.options.get("cli"):
                writer.write(b"% Invalid command\r\n")
                continue
            for part in command.split("; "):
                if part.startswith("echo "):
                    writer.write(part[5:].replace('"', "").encode() + b"\r\n")
                elif part == "cat /etc/version":
                    writer.write(b"version=1.2.3\r\n")


@asynccontextmanager
async def telnet_device(device: TelnetDevice) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await device.serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
