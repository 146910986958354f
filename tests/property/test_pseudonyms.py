"""The privacy door against plain Python: a permutation of each prefix, stable, undone only by its key."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.errors import ReadingError
from sekisho.formats.permutation import Prf, feistel, preserved, preserved_table, shuffled
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.tables import RECEIVES, SENDS, WATCHED, completed

KEY, OTHER = bytes(range(32)), bytes(32)
NETS = [
    "100.64.0.0/18",
    "203.0.113.0/28",
    "203.0.113.64/30",
    "198.51.100.7/32",
    "2001:db8::/40",
    "fd00:5::/48",
]
CUSTOMERS = [ip_network(net) for net in NETS]
PLAIN = Pseudonyms(KEY, CUSTOMERS)
PRESERVING = Pseudonyms(KEY, CUSTOMERS, prefix_preserving=True)
COMPILED = Pseudonyms(KEY, CUSTOMERS, fast_from=0)


def flow(rows: list[tuple[str, str]], nat: list[str | None] | None = None) -> pa.RecordBatch:
    """A FLOW batch of (source, destination) in text, both families mixed."""

    def column(side: int, version: int) -> list[int | bytes | None]:
        found: list[int | bytes | None] = []
        for row in rows:
            address = ip_network(row[side]).network_address
            same = address.version == version
            found.append((int(address) if version == 4 else address.packed) if same else None)
        return found

    n = len(rows)
    columns = {
        "flowStartMilliseconds": range(n),
        "flowEndMilliseconds": range(n),
        "ipVersion": [6 if ":" in row[0] else 4 for row in rows],
        "sourceIPv4Address": column(0, 4),
        "destinationIPv4Address": column(1, 4),
        "sourceIPv6Address": column(0, 6),
        "destinationIPv6Address": column(1, 6),
        "sourceTransportPort": [1024] * n,
        "destinationTransportPort": [443] * n,
        "protocolIdentifier": [6] * n,
        "tcpControlBits": [18] * n,
        "packetDeltaCount": [3] * n,
        "octetDeltaCount": [300] * n,
        "samplingPacketInterval": [1] * n,
        "exporter": ["here"] * n,
        "postNATSourceIPv4Address": [int(IPv4Address(one)) if one else None for one in nat or [None] * n],
        "postNAPTSourceTransportPort": [5000 if one else None for one in nat or [None] * n],
    }
    fields = [field for field in WATCHED if field.name in columns]
    exporter = pa.array(columns["exporter"]).dictionary_encode().cast(pa.dictionary(pa.int16(), pa.utf8()))
    arrays = [exporter if f.name == "exporter" else pa.array(columns[f.name], f.type) for f in fields]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def text(row: dict[str, object], side: str) -> str:
    if row["ipVersion"] == 4:
        return str(IPv4Address(row[f"{side}IPv4Address"]))
    return str(IPv6Address(row[f"{side}IPv6Address"]))


def expected(door: Pseudonyms, rows: list[tuple[str, str]]) -> list[tuple[str, str, int, int]]:
    """What the door must say, one row at a time, from `Pseudonyms.subscriber` alone."""
    out = []
    for source, destination in rows:
        names = [door.subscriber(one) for one in (source, destination)]
        if not any(names):
            continue
        shown = []
        for address, name in zip((source, destination), names, strict=True):
            if not name:
                shown.append(address)
            elif ":" not in address:
                shown.append(str(IPv4Address(name)))
            else:
                upper = name << 8
                upper = (upper ^ (1 << 62)) | (0xFC << 56) if upper & (1 << 62) else upper
                shown.append(str(IPv6Address(upper << 64)))
        out.append((*shown, names[0] or names[1], SENDS if names[0] else RECEIVES))
    return out


inner4 = st.integers(int(IPv4Address("100.63.255.0")), int(IPv4Address("100.64.65.0"))).map(
    lambda n: str(IPv4Address(n))
)
edge4 = st.integers(int(IPv4Address("203.0.112.250")), int(IPv4Address("203.0.113.80"))).map(
    lambda n: str(IPv4Address(n))
)
any4 = st.one_of(inner4, edge4, st.just("198.51.100.7"), st.ip_addresses(v=4).map(str))
any6 = st.one_of(
    st.ip_addresses(v=6, network="2001:db8::/39").map(str),
    st.ip_addresses(v=6, network="fd00:5::/47").map(str),
    st.ip_addresses(v=6).map(str),
)
pairs = st.lists(st.one_of(st.tuples(any4, any4), st.tuples(any6, any6)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=150)
@given(pairs, st.sampled_from([PLAIN, PRESERVING, COMPILED]), st.integers(0, 5))
def test_the_door_says_what_plain_python_says(
    rows: list[tuple[str, str]], door: Pseudonyms, skip: int
) -> None:
    batch = flow(rows).slice(skip)
    rows = rows[skip:]
    watched, dropped = door.watch(batch)
    assert completed(watched, WATCHED).schema.equals(WATCHED)
    got = [
        (text(row, "source"), text(row, "destination"), row["subscriber"], row["subscriberSide"])
        for row in watched.to_pylist()
    ]
    assert got == expected(door, rows)
    assert dropped == len(rows) - len(got)
    for one in watched.to_pylist():
        assert one["octetDeltaCount"] == 300
        assert one["exporter"] == "here"


@pytest.mark.parametrize("door", [PLAIN, PRESERVING])
@pytest.mark.parametrize("net", ["100.64.0.0/18", "203.0.113.0/28", "203.0.113.64/30", "198.51.100.7/32"])
def test_each_prefix_is_permuted_within_itself_and_undone(door: Pseudonyms, net: str) -> None:
    addresses = list(IPv4Network(net))
    names = [door.subscriber(one) for one in addresses]
    assert sorted(names) == [int(one) for one in addresses]
    for address, name in list(zip(addresses, names, strict=True))[::37]:
        assert door.reveal(name) == address


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 1 << 16), st.integers(0, (1 << 72) - 1), st.sampled_from(["2001:db8::/40", "fd00:5::/48"])
)
def test_a_line_of_ipv6_keeps_its_prefix_and_loses_its_host(number: int, host: int, prefix: str) -> None:
    net = IPv6Network(prefix)
    line = number % (1 << (56 - net.prefixlen))
    address = IPv6Address(int(net.network_address) | line << 72 | host)
    for door in (PLAIN, PRESERVING):
        name = door.subscriber(address)
        assert (1 << 32) <= name < (1 << 63)
        assert name == door.subscriber(IPv6Address(int(address) & ~0xFFFF))
        assert door.reveal(name) == IPv6Network((int(address) >> 72 << 72, 56))
        row = door.watch(flow([(str(address), "2a00::1")]))[0].to_pylist()[0]
        shown = IPv6Address(row["sourceIPv6Address"])
        assert shown in net
        assert int(shown) & ((1 << 72) - 1) == 0


def test_lines_of_ipv6_are_permuted_one_to_one() -> None:
    net = IPv6Network("fd00:5::/48")
    for door in (PLAIN, PRESERVING):
        names = {door.subscriber(one.network_address) for one in net.subnets(new_prefix=56)}
        assert len(names) == 256
    wide = Pseudonyms(KEY, [IPv6Network("2001:db8::/32")])
    some = [IPv6Address((0x20010DB8 << 96) + (n << 72)) for n in range(0, 1 << 24, 65_521)]
    names = [wide.subscriber(one) for one in some]
    assert len(set(names)) == len(some)
    assert [wide.reveal(name) for name in names] == [IPv6Network((one, 56)) for one in some]


@settings(deadline=None, max_examples=100)
@given(st.integers(0, (1 << 14) - 1), st.integers(0, (1 << 14) - 1))
def test_shared_bits_stay_shared_where_asked(one: int, two: int) -> None:
    first = int(IPv4Address("100.64.0.0"))
    images = [PRESERVING.subscriber(IPv4Address(first + n)) for n in (one, two)]
    assert (images[0] ^ images[1]).bit_length() == (one ^ two).bit_length()


def test_the_other_one_does_not_share_them() -> None:
    first = int(IPv4Address("100.64.0.0"))
    near = [
        (PLAIN.subscriber(IPv4Address(first + n)) ^ PLAIN.subscriber(IPv4Address(first + n + 1))).bit_length()
        for n in range(0, 4096, 2)
    ]
    assert np.mean(near) > 12  # 14 bits: a random pair differs from the first or second bit on


def test_same_key_same_names_and_another_key_others() -> None:
    addresses = list(IPv4Network("100.64.0.0/18"))[:: 1 << 4]
    names = [PLAIN.subscriber(one) for one in addresses]
    again = Pseudonyms(KEY, [*CUSTOMERS[:1], ip_network("100.64.64.0/18"), ip_network("100.64.1.0/24")])
    assert [again.subscriber(one) for one in addresses] == names
    strange = Pseudonyms(OTHER, CUSTOMERS)
    same = sum(strange.subscriber(a) == name for a, name in zip(addresses, names, strict=True))
    assert same <= 3  # of 1,024: by chance 1/16


def test_the_names_are_fixed_for_good() -> None:
    """Known answers: a change of these breaks every store that is out there."""
    assert [str(IPv4Address(PLAIN.subscriber(f"100.64.0.{n}"))) for n in range(3)] == KNOWN
    assert [PLAIN.subscriber("2001:db8::1"), PLAIN.subscriber("fd00:5::1")] == KNOWN6
    assert [str(IPv4Address(PRESERVING.subscriber(f"100.64.0.{n}"))) for n in range(3)] == KNOWN_PRESERVING


KNOWN = ["100.64.15.197", "100.64.26.81", "100.64.47.220"]
KNOWN6 = [9008357688008058, 18295873570078921]
KNOWN_PRESERVING = ["100.64.10.28", "100.64.10.29", "100.64.10.31"]


def test_a_prefix_above_slash_8_is_computed_by_row() -> None:
    for preserving in (False, True):
        door = Pseudonyms(KEY, [ip_network("96.0.0.0/6"), CUSTOMERS[1]], prefix_preserving=preserving)
        addresses = [f"{96 + n % 4}.{n % 251}.{n % 241}.{n % 239}" for n in range(500)]
        names = [door.subscriber(one) for one in addresses]
        assert all(IPv4Address(name) in IPv4Network("96.0.0.0/6") for name in names)
        assert len(set(names)) == len(set(addresses))
        assert [str(door.reveal(name)) for name in names] == addresses
        rows = [(one, "192.0.2.1") for one in addresses] + [
            ("203.0.113.3", "97.1.2.3"),
            ("8.8.8.8", "9.9.9.9"),
        ]
        watched, dropped = door.watch(flow(rows))
        assert dropped == 1
        assert [
            (text(r, "source"), text(r, "destination"), r["subscriber"], r["subscriberSide"])
            for r in watched.to_pylist()
        ] == expected(door, rows)


def test_the_address_after_nat_is_hidden_too() -> None:
    rows = [("100.64.0.1", "192.0.2.1")] * 3
    watched, _ = PLAIN.watch(flow(rows, ["203.0.113.5", "192.0.2.200", None]))
    names = watched.column("postNATSourceIPv4Address").to_pylist()
    assert names == [PLAIN.subscriber("203.0.113.5"), None, None]
    assert watched.column("postNAPTSourceTransportPort").to_pylist() == [5000, None, None]


@pytest.mark.parametrize("versions", [[4] * 4, [6] * 4, [4, 6, 4, 6], [6, 4, 6, 5]])
def test_the_other_family_of_a_row_never_passes(versions: list[int]) -> None:
    four, six = IPv4Address("100.64.0.9"), IPv6Address("2001:db8:0:100::77")
    batch = flow([(str(four), "8.8.8.8"), (str(six), "2606:4700::1")] * 2)
    both = {
        "ipVersion": versions,
        "sourceIPv4Address": [int(four)] * 4, "destinationIPv4Address": [int(four) + 1] * 4,
        "sourceIPv6Address": [six.packed] * 4, "destinationIPv6Address": [six.packed] * 4,
    }  # fmt: skip
    for name, values in both.items():
        field = WATCHED.field(name)
        batch = batch.set_column(batch.schema.get_field_index(name), field, pa.array(values, field.type))
    found, dropped = PLAIN.watch(batch)
    assert dropped == versions.count(5)
    for row in completed(found, WATCHED).to_pylist():
        other = 6 if row["ipVersion"] == 4 else 4
        assert row[f"sourceIPv{other}Address"] is row[f"destinationIPv{other}Address"] is None
    # What lies behind a null would reach the disk as well.
    written = b"".join(bytes(part) for column in found.columns for part in column.buffers() if part)
    for address in (four, four + 1, six):
        assert (int(address).to_bytes(4, "little") if address.version == 4 else address.packed) not in written


@pytest.mark.parametrize("bits", [2, 3, 7, 12])
def test_permutations_are_permutations(bits: int) -> None:
    prf, values = Prf(KEY, "x"), np.arange(1 << bits, dtype=np.uint64)
    assert sorted(shuffled(prf, bits)) == values.tolist()
    assert (preserved(prf, values, bits) == preserved_table(prf, bits)).all()
    for one in (feistel, preserved):
        image = one(prf, values, bits)
        assert sorted(image) == values.tolist()
        assert (one(prf, image, bits, back=True) == values).all()


@pytest.mark.parametrize(
    ("key", "customers", "delegated"),
    [
        (b"short", ["100.64.0.0/10"], 56),
        (KEY, [], 56),
        (KEY, ["0.0.0.0/8"], 56),
        (KEY, ["ff00::/8"], 56),
        (KEY, ["2001:db8::/60"], 56),
        (KEY, ["2001:db8::/32"], 65),
        (KEY, [f"{n}.{m}.0.0/24" for n in range(1, 6) for m in range(250)], 56),
    ],
)
def test_what_cannot_be_served_is_said(key: bytes, customers: list[str], delegated: int) -> None:
    with pytest.raises(ReadingError) as error:
        Pseudonyms(key, [ip_network(one) for one in customers], delegated=delegated)
    assert error.value.what.ja


class Coarse(Prf):
    """A function with few images: many of its numbers share their high bits, and some are wholly the same."""

    def __init__(self, seed: int, high: int, low: int) -> None:
        self._draw, self._high, self._low = np.random.default_rng(seed), high, low

    def __call__(self, label: int, values: np.ndarray) -> np.ndarray:
        assert label == 0
        high = self._draw.integers(0, self._high, len(values), dtype=np.uint64)
        return (high << np.uint64(40)) | self._draw.integers(0, self._low, len(values), dtype=np.uint64)


@given(st.integers(0, 2**32), st.integers(0, 12), st.integers(1, 5000), st.integers(1, 5000))
def test_the_shuffle_is_the_stable_order_of_its_numbers(seed: int, bits: int, high: int, low: int) -> None:
    drawn = Coarse(seed, high, low)(0, np.arange(1 << bits, dtype=np.uint64))
    given_ = shuffled(Coarse(seed, high, low), bits)
    assert given_.tolist() == np.argsort(drawn, kind="stable").tolist()
