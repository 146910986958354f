"""Random flow exports: messages of NetFlow v5, v9 and IPFIX with templates that come, change, go and get lost."""

from __future__ import annotations

import random
import struct

from .plain_flow_export import IPFIX, NAMES, REVERSE, V5, V9

NOW = 1_790_000_000
ELEMENTS = [(key, lengths) for elements in NAMES.values() for key, lengths in elements.items()]
ELEMENTS = [(key, lengths) for key, lengths in ELEMENTS if not isinstance(key, tuple) or key[0] == REVERSE]
BASE = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 4), (1, 4)]
BASE_6 = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (2, 8), (1, 8)]


def field(key, length, version):
    if version == IPFIX and isinstance(key, tuple):
        return struct.pack("!HHI", key[1] | 0x8000, length, key[0])
    return struct.pack("!HH", key if not isinstance(key, tuple) else 16_000, length)


class Exporter:
    """One source that keeps its own notion of templates; ``address`` and ``domain`` name it."""

    def __init__(self, rng: random.Random, address: str, version: int) -> None:
        self.rng = rng
        self.address = address
        self.version = version
        self.domain = rng.choice([0, 1, 2**32 - 1]) if version != V5 else rng.randrange(2)
        self.sequence = rng.choice([0, 5, 2**32 - 3])
        self.templates = {}

    def message(self) -> bytes:
        if self.version == V5:
            return self.version_5()
        parts, records = [], 0
        for _ in range(self.rng.randint(1, 5)):
            what = self.rng.random()
            if not self.templates or what < 0.2:
                parts.append(self.template())
            elif what < 0.27 and self.version == IPFIX:
                parts.append(self.withdrawal())
            else:
                part, many = self.data()
                parts.append(part)
                records += many
        body = b"".join(parts)
        sequence = self.sequence
        step = 1 if self.version == V9 else records
        if self.rng.random() < 0.15:
            step += self.rng.choice([1, 40, -2, 10**6, 2**31])
        self.sequence = (self.sequence + step) % 2**32
        if self.version == V9:
            uptime = self.rng.choice([1_000, 86_400_000, 2**32 - 5])
            return struct.pack("!HHIIII", 9, len(parts), uptime, NOW, sequence, self.domain) + body
        behind = b"\0" * self.rng.choice([0, 0, 0, 3])
        return struct.pack("!HHIII", 10, 16 + len(body), NOW, sequence, self.domain) + body + behind

    def template(self) -> bytes:
        rng = self.rng
        options = rng.random() < 0.3
        identifier = rng.randint(256, 259)
        fields = [] if options else list(rng.choice([BASE, BASE, BASE_6, BASE + BASE_6, []]))
        for key, lengths in rng.sample(ELEMENTS, rng.randint(1, 8)):
            fields.append((key, rng.choice([*lengths, lengths[-1], rng.choice([0, 3, 9])])))
        for _ in range(rng.randint(0, 2)):
            length = rng.choice([0, 1, 7, 65535 if self.version == IPFIX else 5])
            fields.append(((rng.choice([1, 35632, 0]), rng.randint(0, 32767)), length))
        rng.shuffle(fields)
        scopes = 0
        packed = []
        if options:
            scopes = rng.randint(1, len(fields))
            if rng.random() < 0.7:
                fields = [(rng.choice([302, 48, 10, 145, 149]), rng.choice([1, 2, 4])), *fields[:3], (34, 4)]
                scopes = 1
            if self.version == V9:
                scope = [(rng.choice([1, 2, 5]), rng.choice([2, 4])) for _ in range(scopes)]
                packed = [struct.pack("!HH", *one) for one in scope] + [
                    field(*one, V9) for one in fields[scopes:]
                ]
                fields = scope + fields[scopes:]
        packed = packed or [field(*one, self.version) for one in fields]
        self.templates[identifier] = [length for _, length in fields]
        if options and self.version == V9:
            head = struct.pack("!HHH", identifier, 4 * scopes, 4 * (len(fields) - scopes))
        elif options:
            head = struct.pack("!HHH", identifier, len(fields), scopes)
        else:
            head = struct.pack("!HH", identifier, len(fields))
        kind = (0, 1) if self.version == V9 else (2, 3)
        return self.set(kind[options], head + b"".join(packed))

    def withdrawal(self) -> bytes:
        identifier = self.rng.choice([*self.templates, 2, 3])
        return self.set(3 if identifier == 3 else 2, struct.pack("!HH", identifier, 0))

    def set(self, identifier: int, body: bytes) -> bytes:
        body += b"\0" * self.rng.choice([0, 0, 1, 3])
        return struct.pack("!HH", identifier, 4 + len(body)) + body

    def value(self, length: int) -> bytes:
        rng = self.rng
        if length == 65535:
            size = rng.choice([0, 1, 5, 254, 255, 300])
            head = bytes([size]) if size < 255 and rng.random() < 0.7 else b"\xff" + struct.pack("!H", size)
            return head + rng.randbytes(size)
        kind = rng.random()
        if kind < 0.4:
            return rng.randrange(3).to_bytes(length, "big") if length else b""
        if kind < 0.5:
            return b"\xff" * length
        if length == 8 and kind < 0.7:
            return (NOW * 1000 - rng.randrange(10**6)).to_bytes(8, "big")
        if length == 8 and kind < 0.8:
            return ((NOW + 2_208_988_800) % 2**32).to_bytes(4, "big") + rng.randbytes(4)
        return rng.randbytes(length)

    def data(self) -> tuple[bytes, int]:
        identifier = self.rng.choice([*self.templates, 260])
        lengths = self.templates.get(identifier, [4])
        many = self.rng.choice([0, 1, 2, 3, 9])
        body = b"".join(self.value(length) for _ in range(many) for length in lengths)
        return self.set(identifier, body), many

    def version_5(self) -> bytes:
        rng = self.rng
        many = rng.choice([0, 1, 2, 30])
        count = many if rng.random() < 0.9 else rng.choice([0, 31, 65535])
        head = struct.pack(
            "!HHIIIIHH", 5, count, rng.choice([0, 5_000, 2**32 - 1]), NOW, rng.choice([0, 999_999_999, 2**32 - 1]),
            self.sequence, self.domain, rng.choice([0, 0x4064, 0xFFFF]),
        )  # fmt: skip
        self.sequence = (self.sequence + count + rng.choice([0, 0, 0, 7, -1])) % 2**32
        return head + b"".join(rng.randbytes(48) for _ in range(many))


def traffic(seed: int, messages: int) -> list[tuple[bytes, str, int]]:
    """Return messages of several exporters, mixed; some are lost on the way."""
    rng = random.Random(seed)
    exporters = [
        Exporter(rng, address, version)
        for address in ("192.0.2.1", "2001:db8::1")[: rng.randint(1, 2)]
        for version in rng.sample([V5, V9, IPFIX], rng.randint(1, 3))
    ]
    found = []
    for number in range(messages):
        exporter = rng.choice(exporters)
        message = exporter.message()
        if rng.random() < 0.95:
            found.append((message, exporter.address, NOW * 1000 + number))
    return found


def broken(items, seed: int):
    """Return the datagrams with some octets changed, some cut, some of other versions."""
    rng = random.Random(seed)
    found = []
    for whole, address, at in items:
        payload = whole
        kind = rng.random()
        if kind < 0.25 and payload:
            cut = bytearray(payload)
            for _ in range(rng.randint(1, 4)):
                cut[rng.randrange(len(cut))] = rng.choice([0, 1, 2, 3, 4, 5, 9, 10, 255, rng.randrange(256)])
            payload = bytes(cut)
        elif kind < 0.4:
            payload = payload[: rng.randrange(len(payload) + 1)]
        elif kind < 0.45:
            payload = rng.randbytes(rng.randrange(60))
        found.append((payload, address, at))
    return found
