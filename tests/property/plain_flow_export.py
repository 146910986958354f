"""A plain decoder of flow exports, record at a time: the oracle of the fast one. Slow, and to be read with the RFCs.

It knows no bounds (templates, sources) and counts nothing but rows, template misses and lost sequence numbers.
"""

from __future__ import annotations

import struct
from collections import Counter

V5, V9, IPFIX = 5, 9, 10
REVERSE = 29305
VARIABLE = -1
COLUMNS = (
    "flowStartMilliseconds",
    "flowEndMilliseconds",
    "ipVersion",
    "sourceIPv4Address",
    "destinationIPv4Address",
    "sourceIPv6Address",
    "destinationIPv6Address",
    "sourceTransportPort",
    "destinationTransportPort",
    "protocolIdentifier",
    "tcpControlBits",
    "packetDeltaCount",
    "octetDeltaCount",
    "samplingPacketInterval",
    "exporter",
    "postNATSourceIPv4Address",
    "postNAPTSourceTransportPort",
)
UP_TO = {n: tuple(range(1, n + 1)) for n in (2, 4, 8)}
# name: elements in the order of preference, each with the lengths that it may have
NAMES = {
    "src4": {8: (4,)},
    "dst4": {12: (4,)},
    "src6": {27: (16,)},
    "dst6": {28: (16,)},
    "sport": {7: UP_TO[2], 182: UP_TO[2], 180: UP_TO[2]},
    "dport": {11: UP_TO[2], 183: UP_TO[2], 181: UP_TO[2]},
    "proto": {4: (1,)},
    "flags": {6: UP_TO[2]},
    "version": {60: (1,)},
    "packets": {2: UP_TO[8], 86: UP_TO[8], 298: UP_TO[8], 24: UP_TO[8]},
    "octets": {1: UP_TO[8], 85: UP_TO[8], 231: UP_TO[8], 23: UP_TO[8]},
    "back_packets": {(REVERSE, 2): UP_TO[8], 299: UP_TO[8], (REVERSE, 86): UP_TO[8]},
    "back_octets": {(REVERSE, 1): UP_TO[8], 232: UP_TO[8], (REVERSE, 85): UP_TO[8]},
    "back_flags": {(REVERSE, 6): UP_TO[2]},
    "start_ms": {152: UP_TO[8]},
    "end_ms": {153: UP_TO[8]},
    "start_ntp": {154: (8,)},
    "end_ntp": {155: (8,)},
    "start_ntp2": {156: (8,)},
    "end_ntp2": {157: (8,)},
    "start_s": {150: UP_TO[4]},
    "end_s": {151: UP_TO[4]},
    "start_delta": {158: UP_TO[4]},
    "end_delta": {159: UP_TO[4]},
    "start_up": {22: (4,)},
    "end_up": {21: (4,)},
    "boot": {160: UP_TO[8]},
    "duration": {161: UP_TO[4]},
    "nat4": {225: (4,)},
    "natport": {227: UP_TO[2]},
    "event": {230: UP_TO[8], 233: UP_TO[8], ("v9", 40005): UP_TO[8]},
    "sampler": {302: UP_TO[8], 48: UP_TO[4]},
    "interface": {("scope", 2): UP_TO[4], 10: UP_TO[4]},
    "template": {("scope", 5): UP_TO[2], 145: UP_TO[2]},
    "interval": {305: UP_TO[4], 34: UP_TO[4], 50: UP_TO[4]},
    "space": {306: UP_TO[4]},
    "size": {309: UP_TO[4]},
    "population": {310: UP_TO[4]},
}


class Source:
    def __init__(self) -> None:
        self.templates = {}
        self.interval = 0
        self.by = {}
        self.boot = None
        self.expected = None
        self.lost = 0


class Template:
    def __init__(self, fields, scopes, options):
        self.fields = fields  # (key, length) with key: element, (enterprise, element), ("scope", type)
        self.scopes = scopes
        self.options = options
        self.present = {
            name
            for name, elements in NAMES.items()
            if any(key in elements and length in elements[key] for key, length in fields)
        }

    def least(self):
        return sum(1 if length == VARIABLE else length for _, length in self.fields)

    def record(self, data, at):
        """Return (values by name, where the record ends), or None when it leads out of ``data``."""
        found = {}
        for key, stated_length in self.fields:
            length = stated_length
            if stated_length == VARIABLE:
                if at >= len(data):
                    return None
                length, at = data[at], at + 1
                if length == 255:
                    if at + 2 > len(data):
                        return None
                    (length,) = struct.unpack_from("!H", data, at)
                    at += 2
            value = data[at : at + length]
            at += length
            if at > len(data):
                return None
            if stated_length != VARIABLE:
                found.setdefault((key, length), value)
        values = {}
        for name, elements in NAMES.items():
            for element, lengths in elements.items():
                # The first field of that element that has a possible length.
                for (key, length), value in found.items():
                    if name not in values and key == element and length in lengths:
                        values[name] = int.from_bytes(value, "big") if length < 16 else value
        return values, at


class PlainDecoder:
    def __init__(self) -> None:
        self.sources = {}
        self.rows = []
        self.misses = 0
        self.counts = Counter()

    def decode(self, items):
        """Take (payload, exporter's address, received ms) and return the rows in the order of their columns."""
        self.rows = []
        for payload, address, _ in items:
            if len(payload) < 4:
                continue
            version = int.from_bytes(payload[:2], "big")
            if version == V5 and len(payload) >= 24:
                self.version_5(payload, address)
            elif version == V9 and len(payload) >= 20:
                _, _, uptime, seconds, sequence, domain = struct.unpack_from("!HHIIII", payload)
                source = self.sources.setdefault((address, V9, domain), Source())
                self.sets(payload[20:], source, V9, f"{address}#{domain}", seconds * 1000, uptime)
                self.sequence(source, sequence, 1, 32)
            elif version == IPFIX and len(payload) >= 16:
                _, length, seconds, sequence, domain = struct.unpack_from("!HHIII", payload)
                if 16 <= length <= len(payload):
                    source = self.sources.setdefault((address, IPFIX, domain), Source())
                    name = f"{address}#{domain}"
                    records = self.sets(payload[16:length], source, IPFIX, name, seconds * 1000, None)
                    self.sequence(source, sequence, records, 1024)
        return self.rows

    def sequence(self, source, number, units, window):
        following = None if units is None else (number + units) % 2**32
        if source.expected is not None:
            ahead = (number - source.expected) % 2**32
            if ahead < 2**31:
                source.lost += ahead
            elif 2**32 - ahead <= window:
                return
        source.expected = following

    def version_5(self, payload, address):
        _, count, uptime, seconds, nano, sequence, engine, sampling = struct.unpack_from("!HHIIIIHH", payload)
        source = self.sources.setdefault((address, V5, engine), Source())
        now = seconds * 1000 + (nano // 1_000_000 if nano < 10**9 else 0)
        for at in range(24, 24 + 48 * count, 48):
            if at + 48 > len(payload):
                break
            src, dst, _, _, _, packets, octets, first, last, sport, dport, _, flags, proto = (
                struct.unpack_from("!IIIHHIIIIHHBBB", payload, at)
            )
            start, end = (now + signed(one - uptime) for one in (first, last))
            addresses = (4, src, dst, None, None)
            self.row(
                start, end, addresses, (sport, dport, proto, flags), packets, octets, sampling & 0x3FFF, f"{address}#{engine}", None, None
            )  # fmt: skip
        self.sequence(source, sequence, count, 1024)

    def sets(self, data, source, version, name, export, uptime):
        """Read a message's sets; return its data records, None when a template was missing."""
        at, records = 0, 0
        while at + 4 <= len(data):
            identifier, length = struct.unpack_from("!HH", data, at)
            if length < 4 or at + length > len(data):
                break
            body = data[at + 4 : at + length]
            at += length
            if identifier in ((0, 1) if version == V9 else (2, 3)):
                self.learn(body, source, version, options=identifier in (1, 3))
            elif identifier >= 256:
                template = source.templates.get(identifier)
                if template is None:
                    self.misses += 1
                    records = None
                else:
                    many = self.data(body, source, template, identifier, version, name, export, uptime)
                    records = None if records is None else records + many
        return records

    def learn(self, body, source, version, *, options):
        at = 0
        while at + 4 <= len(body):
            identifier, count = struct.unpack_from("!HH", body, at)
            if identifier == 0 and not any(body[at:]):
                return
            scopes = 0
            if options and version == V9:
                if at + 6 > len(body):
                    return
                _, scope_octets, option_octets = struct.unpack_from("!HHH", body, at)
                if scope_octets % 4 or option_octets % 4:
                    return
                scopes, count, at = scope_octets // 4, (scope_octets + option_octets) // 4, at + 6
            elif options and count:
                if at + 6 > len(body):
                    return
                (scopes,) = struct.unpack_from("!H", body, at + 4)
                at += 6
            else:
                at += 4
            fields = []
            for number in range(count):
                if at + 4 > len(body):
                    return
                key, length = struct.unpack_from("!HH", body, at)
                at += 4
                if version == IPFIX and key & 0x8000:
                    if at + 4 > len(body):
                        return
                    (enterprise,) = struct.unpack_from("!I", body, at)
                    at += 4
                    key = (enterprise, key & 0x7FFF) if enterprise else key & 0x7FFF
                elif version == V9 and number < scopes:
                    key = ("scope", key)
                elif key == 40005:
                    key = ("v9", key)
                fields.append((key, VARIABLE if version == IPFIX and length == 65535 else length))
            self.define(identifier, fields, scopes, source, version, options=options)

    def define(self, identifier, fields, scopes, source, version, *, options):
        if not fields:
            if version == V9:
                return
            if identifier in (2, 3):
                source.templates = {
                    one: kept for one, kept in source.templates.items() if kept.options != (identifier == 3)
                }
            elif identifier >= 256:
                source.templates.pop(identifier, None)
            return
        if identifier < 256 or (options and (scopes > len(fields) or (version == IPFIX and scopes == 0))):
            return
        template = Template(fields, scopes, options)
        if 0 < template.least() <= 65535 and len(fields) <= 512:
            source.templates[identifier] = template
        else:
            source.templates.pop(identifier, None)

    def data(self, body, source, template, identifier, version, name, export, uptime):
        at, many = 0, 0
        while at + template.least() <= len(body):
            found = template.record(body, at)
            if found is None:
                break
            values, at = found
            many += 1
            if template.options:
                self.option(values, source)
            else:
                self.flow(values, source, template, identifier, version, name, export, uptime)
        return many

    def option(self, values, source):
        if not {"interval", "population", "boot"} & values.keys():
            return
        if values.get("boot", 2**42) < 2**42:
            source.boot = values["boot"]
        interval = stated(values)
        if interval is None:
            return
        for kind in ("sampler", "interface", "template"):
            if kind in values and (kind == "sampler" or values[kind]):
                if values[kind] < 2**32:
                    source.by[kind, values[kind]] = interval
                return
        source.interval = interval

    def flow(self, values, source, template, identifier, version, name, export, uptime):
        four, six = ({f"src{one}", f"dst{one}"} <= template.present for one in (4, 6))
        counted = {"packets", "back_packets"} & template.present
        if (not counted and "event" in template.present) or not (four or six):
            return
        family = 4 if four else 6
        if four and six:
            family = values.get("version", 4 if values["src4"] or values["dst4"] else 6)
            if family not in (4, 6):
                return
        start, end = times(values, source, version, export, uptime)
        interval = self.sampling(values, source, template, identifier)
        addresses = (4, values.get("src4"), values.get("dst4"), None, None)
        if family == 6:
            addresses = (6, None, None, values["src6"], values["dst6"])
        ports = (values.get("sport", 0), values.get("dport", 0))
        rest = (values.get("proto", 0), values.get("flags", 0) & 255)
        packets, back = values.get("packets", 0), values.get("back_packets", 0)
        if packets or not back:
            self.row(
                start, end, addresses, ports + rest, packets, values.get("octets", 0), interval, name, values.get("nat4"), values.get("natport")
            )  # fmt: skip
        if back:
            turned = (family, addresses[2], addresses[1], addresses[4], addresses[3])
            rest = (ports[1], ports[0], rest[0], values.get("back_flags", 0) & 255)
            self.row(start, end, turned, rest, back, values.get("back_octets", 0), interval, name, None, None)

    def sampling(self, values, source, template, identifier):
        own = stated(values)
        if own is not None:
            return own
        for kind in ("sampler", "interface"):
            if kind in values and (kind, values[kind]) in source.by:
                return source.by[kind, values[kind]]
        if ("template", identifier) in source.by:
            return source.by["template", identifier]
        if source.interval == 0 and "sampler" not in template.present:
            all_of_them = {interval for (kind, _), interval in source.by.items() if kind == "sampler"}
            if len(all_of_them) == 1:
                return all_of_them.pop()
        return source.interval

    def row(self, start, end, addresses, rest, packets, octets, interval, name, nat, nat_port):
        if all(0 <= one < 2**42 for one in (start, end)) and max(packets, octets) <= 2**48:
            self.rows.append((start, end, *addresses, *rest, packets, octets, interval, name, nat, nat_port))


def signed(number):
    number %= 2**32
    return number - 2**32 if number >= 2**31 else number


def stated(values):
    if "population" in values and "size" in values:
        return min(values["population"] // values["size"], 2**32 - 1) if values["size"] else 0
    if "interval" not in values:
        return None
    if "space" in values:
        one = values["interval"]
        return min((one + values["space"]) // one, 2**32 - 1) if one else 0
    return values["interval"]


def times(values, source, version, export, uptime):
    start, end = (time_of(values, which, source, version, export, uptime) for which in ("start", "end"))
    duration = values.get("duration", 0)
    if start is None and end is None:
        end = export
    if start is None:
        start = end - duration
    elif end is None:
        end = start + duration
    return start, end


def time_of(values, which, source, version, export, uptime):
    if (value := values.get(f"{which}_ms")) is not None:
        return value if value < 2**63 else -1
    if (value := values.get(f"{which}_up")) is not None:
        if version == V9:
            return export + signed(value - uptime)
        boot = values.get("boot", source.boot)
        if boot is None or boot >= 2**42:
            return export if boot is None else boot
        turns = (export - boot - value + 2**31) // 2**32
        return boot + value + max(turns, 0) * 2**32
    for kind in ("ntp", "ntp2"):
        if (value := values.get(f"{which}_{kind}")) is not None:
            seconds, fraction = divmod(value, 2**32)
            era = 2**32 if seconds < 2**31 else 0
            return (seconds + era - 2_208_988_800) * 1000 + fraction * 1000 // 2**32
    if (value := values.get(f"{which}_s")) is not None:
        return value * 1000
    if (value := values.get(f"{which}_delta")) is not None:
        return (export * 1000 - value) // 1000
    return None
