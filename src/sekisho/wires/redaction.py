"""What is secret in a description, and transcripts without it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sekisho.formats.codes import MIRAI
from sekisho.formats.redaction import Redactor
from sekisho.model.evidence import Chunk, Transcript
from sekisho.model.terminal import Terminal

_PUBLIC = frozenset(password for _, password in MIRAI) | {"password"}


def secrets_of(terminal: Terminal) -> Iterator[tuple[str, str]]:
    """Yield user and password of every resolved code of ``terminal``; words of public lists are no secret."""
    users: list[str] = []
    for login in terminal.logins:
        for code in (login.preset, login.current, login.low):
            if code is not None and isinstance(code.password, str) and code.password not in _PUBLIC:
                users.append(code.user)
                yield code.user, code.password
    for unit in terminal.units:
        if isinstance(unit.code, str) and unit.code and unit.code not in _PUBLIC:
            yield from ((user, unit.code) for user in dict.fromkeys((*users, "admin")))


def redact(transcript: Transcript, redactor: Redactor) -> Transcript:
    """Return ``transcript`` without the secrets, also those torn over several chunks of one direction."""
    cleaned: dict[int, bytes] = {}
    for way in ("<", ">"):
        places = [index for index, chunk in enumerate(transcript.chunks) if chunk.way == way]
        portions = redactor.portions([transcript.chunks[index].data for index in places])
        cleaned.update(zip(places, portions, strict=True))
    chunks = tuple(
        Chunk(chunk.at, chunk.way, cleaned.get(index, chunk.data))
        for index, chunk in enumerate(transcript.chunks)
    )
    return msgspec.structs.replace(transcript, chunks=chunks)
