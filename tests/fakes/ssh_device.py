"""A small SSH device on loopback: a real server with one account and a toy shell."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncssh


class Server(asyncssh.SSHServer):
    def __init__(self, seen, **options):
        self.seen = seen
        self.options = options

    def connection_made(self, conn):
        self.conn = conn

    def begin_auth(self, username):
        if self.options.get("banner"):
            self.conn.send_auth_banner(self.options["banner"])
        return not self.options.get("open")

    def password_auth_supported(self):
        return bool(self.options.get("password", True))

    def validate_password(self, username, password):
        self.seen.append(("password", username, password))
        return (username, password) == ("root", "s3cret!")

    def kbdint_auth_supported(self):
        return bool(self.options.get("kbdint"))

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username, responses):
        self.seen.append(("kbdint", username, *responses))
        return list(responses) == ["s3cret!"]

    def public_key_auth_supported(self):
        return not self.options.get("password", True)


async def handle(process):
    command = process.command or ""
    if command.startswith("echo "):
        process.stdout.write(command[5:].replace('"', "") + "\n")
    elif command == "flood":
        process.stdout.write("x" * 9_000_000)
    elif command == "put":
        process.stdout.write(str(len(await process.stdin.read())))
    process.exit(0)


@asynccontextmanager
async def ssh_device(seen, listen=None, **options):
    key = asyncssh.generate_private_key("ssh-rsa")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(seen, **options),
        server_host_keys=[key],
        process_factory=handle,
        **(listen or {}),
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
