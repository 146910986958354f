"""Containment as values: what a rule would match, for how long, whom it would touch, and how it is undone.

Nothing here applies a rule. A proposal holds pseudonyms only: the address behind a line is put into the text of a rule
at the moment a person asks for that text, behind a recorded re-identification.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from sekisho.language import Text
from sekisho.model.identity import Role

HOUR = 3_600_000
# Hard maxima that no setting exceeds. No law that was read fixes them: own choices.
MOST_HOURS, MOST_LINE_HOURS = 14 * 24, 72
SHORTEST4, SHORTEST6 = 24, 48
MOST_SELECTORS = 64
ANY = 0
TCP, UDP = 6, 17


class Kind(StrEnum):
    """In which language the rule is written, so which equipment takes it."""

    FLOWSPEC = "flowspec"
    RTBH = "rtbh"
    NFTABLES = "nftables"
    CISCO = "cisco-acl"
    JUNIPER = "juniper-filter"
    COA = "radius-coa"
    RPZ = "dns-rpz"
    MODSECURITY = "modsecurity"
    SURICATA = "suricata"

    @property
    def label(self) -> Text:
        """The name shown to people."""
        return _KINDS[self]


_KINDS = {
    Kind.FLOWSPEC: Text(ja="BGP FlowSpec（RFC 8955）", en="BGP FlowSpec (RFC 8955)"),
    Kind.RTBH: Text(
        ja="BGPによるブラックホール（RFC 7999）", en="BGP remotely triggered black hole (RFC 7999)"
    ),
    Kind.NFTABLES: Text(ja="nftables", en="nftables"),
    Kind.CISCO: Text(ja="Cisco IOSのアクセスリスト", en="Cisco IOS access list"),
    Kind.JUNIPER: Text(ja="Junosのファイアウォールフィルター", en="Junos firewall filter"),
    Kind.COA: Text(ja="RADIUS CoAによる隔離（RFC 5176）", en="walled garden by RADIUS CoA (RFC 5176)"),
    Kind.RPZ: Text(ja="DNS応答の書換え（RPZ）", en="DNS response policy zone (RPZ)"),
    Kind.MODSECURITY: Text(ja="ModSecurityの仮想パッチ", en="ModSecurity virtual patch"),
    Kind.SURICATA: Text(ja="Suricataの仮想パッチ", en="Suricata virtual patch"),
}


class Scope(StrEnum):
    """Whose traffic the rule looks at: everybody's that it passes, all watched lines', or this line's alone."""

    EVERYONE = "everyone"
    CUSTOMERS = "customers"
    LINE = "line"


# What each kind can match: endpoints of C&C, names, a known hole, the session of a line; and its scopes.
_PACKETS = frozenset({Kind.FLOWSPEC, Kind.NFTABLES, Kind.CISCO, Kind.JUNIPER})
TAKES_REMOTES = _PACKETS | {Kind.RTBH}
TAKES_HOLES = _PACKETS | {Kind.MODSECURITY, Kind.SURICATA}
SCOPES = {
    **dict.fromkeys(_PACKETS, frozenset(Scope)),
    Kind.RTBH: frozenset({Scope.EVERYONE}),
    Kind.COA: frozenset({Scope.LINE}),
    Kind.RPZ: frozenset({Scope.EVERYONE}),
    Kind.MODSECURITY: frozenset({Scope.EVERYONE}),
    Kind.SURICATA: frozenset({Scope.EVERYONE}),
}


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One end out there: ``network`` in CIDR text, ``port`` and ``protocol`` (IANA number), 0 for any."""

    network: str
    port: int = ANY
    protocol: int = ANY

    @property
    def net(self) -> IPv4Network | IPv6Network:
        """The network as a value."""
        return ip_network(self.network)


class Hole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known hole of devices and what a virtual patch can match of it (``catalogues.virtual_patches``).

    :ivar models: words of `Case.device_model` by which a device is taken for an affected one (any, without case)
    :ivar paths: paths of HTTP by which it is used; empty when only the port is known
    :ivar cve: number, or empty when no source that was read names one
    :ivar confidence: as in the catalogues; ``verified`` is False when the match comes from a single or weak source
    :ivar caution: what else the rule would break
    """

    id: str
    title: Text
    protocol: int
    port: int
    sources: tuple[str, ...]
    confidence: str
    caution: Text
    models: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    cve: str = ""
    verified: bool = True


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule matches; exactly one of ``remotes``, ``names`` and ``hole`` is filled, or none for a session."""

    scope: Scope = Scope.EVERYONE
    remotes: tuple[Endpoint, ...] = ()
    names: tuple[str, ...] = ()
    hole: Hole | None = None


class Radius(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the rule would have touched in the flows of ``begin`` to ``end``, besides the case's own line.

    ``measured`` False says that nobody can tell, and ``note`` why: ``no-flows`` (nothing recorded), ``not-in-flows``
    (flow records don't hold what the rule matches), ``shared-address`` unknowns. Never read that as "touches nobody".
    ``note`` is ``damaged`` when record files of that time are: what was counted is without them.
    Counts are as seen (``sampling``: the largest interval, 0 when an exporter doesn't state it). ``watched`` are all
    lines with a flow in that time.
    """

    begin: int
    end: int
    measured: bool = False
    note: str = ""
    lines: int = 0
    flows: int = 0
    octets: int = 0
    own_flows: int = 0
    watched: int = 0
    sampling: int = 0


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that a person may apply. Made and expiring at milliseconds of the epoch.

    ``warnings`` are ids of `WARNINGS`; ``needs`` says on which recorded grounds it rests, by id of `NEEDS`;
    ``undo`` says in a sentence how it is taken back (the text itself comes with the rule's text).
    """

    id: str
    case: str
    kind: Kind
    match: Match
    made: int
    expires: int
    by: str
    radius: Radius
    undo: Text
    warnings: tuple[str, ...] = ()
    needs: dict[str, str] = {}


class Rpz(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be on record before a name may be blocked at the resolver (第二次とりまとめ 2015-09: 包括同意 under conditions).

    :ivar clause: clause of the terms of service (約款)
    :ivar notice: where the public was told
    :ivar opt_out: how a subscriber opts out at any time and without loss
    :ivar review: day of the next review, ISO; afterwards nothing is proposed
    :ivar names: the lists' names that may be blocked; a name outside is refused (only list-matched names)
    """

    clause: str = ""
    notice: str = ""
    opt_out: str = ""
    review: str = ""
    names: tuple[str, ...] = ()


class Garden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The walled garden: its ground, and the filters that the access server knows by name (RADIUS Filter-Id)."""

    clause: str = ""
    filter: str = ""
    normal: str = ""


class Containing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings ``[containment]`` of watch.toml. What is empty is off.

    :ivar most_hours: longest life of a rule; ``most_line_hours`` of one that names a line's address
    :ivar shortest4: IPv4 prefixes shorter than this are refused, ``shortest6`` for IPv6
    :ivar protected: networks that no rule may touch: resolvers, own servers, management
    :ivar protected_names: domains that no zone may name, nor anything below
    :ivar most_share: share of all watched lines above which an endpoint counts as popular here and is refused
    :ivar ground: ground of packet rules that look at the lines' traffic, as the legal department recorded it
    :ivar managers: networks of the operator's own management servers, which a virtual patch lets through
    :ivar blackhole4: next hop that the routers discard (RFC 5635), ``blackhole6`` for IPv6 (RFC 6666)
    """

    most_hours: float = 72
    most_line_hours: float = 24
    shortest4: int = 32
    shortest6: int = 128
    protected: tuple[str, ...] = ()
    protected_names: tuple[str, ...] = ()
    most_share: float = 0.0025
    ground: str = ""
    managers: tuple[str, ...] = ()
    blackhole4: str = "192.0.2.1"
    blackhole6: str = "100::1"
    rpz: Rpz = Rpz()
    garden: Garden = Garden()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal with what its text needs besides; lives in memory only.

    :ivar seconds: what is left until it expires
    :ivar lines: networks of its scope (the line's, or all customers'): senders to a remote, receivers of a patch
    :ivar user: RADIUS user of the line
    """

    proposal: Proposal
    seconds: int
    settings: Containing = Containing()
    lines: tuple[str, ...] = ()
    user: str = ""


class RuleText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a rule: what to load, what to load to take it back, and how each is done, in words.

    ``apply`` is empty when the rule may only be taken back any more.
    """

    name: str
    apply: str
    undo: str
    how: Text
    how_undo: Text


class Status(StrEnum):
    """Where a proposal stands. `OVERDUE`: applied, past its expiry, and nobody said that it was undone."""

    PROPOSED = "proposed"
    APPLIED = "applied"
    UNDONE = "undone"
    LAPSED = "lapsed"
    OVERDUE = "overdue"


def may_propose(role: Role | None) -> bool:
    """Say whether this role may propose a rule."""
    return role in {Role.ANALYST, Role.SENDER, Role.ADMIN}


def may_apply(role: Role | None) -> bool:
    """Say whether this role may apply a rule or take it back."""
    return role in {Role.SENDER, Role.ADMIN}


WARNINGS = {
    "all-ports": Text(
        ja="ポートを問わず、そのアドレスへの通信を全て止める",
        en="stops all traffic to the address, whatever the port",
    ),
    "prefix": Text(ja="一つのアドレスではなくアドレス帯を止める", en="stops a whole prefix, not one address"),
    "not-seen": Text(
        ja="この事案の検出にはない相手先である", en="the endpoint is not among this case's detections"
    ),
    "touches-others": Text(ja="この事案以外の回線にも影響する", en="touches lines other than this case's"),
    "own-untouched": Text(
        ja="見積りの期間に、この事案の回線にも当たらなかった",
        en="in that time it would not have touched the case's own line either",
    ),
    "radius-unknown": Text(
        ja="影響の範囲を見積もれない（影響がないという意味ではない）",
        en="nobody can tell whom it touches (which does not mean nobody)",
    ),
    "sampled": Text(
        ja="影響の見積りは標本による下限である", en="the estimate comes from a sample: a lower bound"
    ),
    "address-moves": Text(
        ja="回線のアドレスは変わる。失効前でも、変わったら直ちに取り消す",
        en="the line's address may move to somebody else: undo at once when it does",
    ),
    "no-expiry-in-text": Text(
        ja="この装置の規則は自ら失効しない。期限に人が取り消す",
        en="this equipment doesn't expire rules by itself: a person undoes it in time",
    ),
    "patch-is-no-cure": Text(
        ja="仮想パッチは既知の経路だけを塞ぐ。更新又は交換が要る",
        en="a virtual patch closes the known way only: the device still needs an update or a replacement",
    ),
    "unverified": Text(
        ja="照合する値は未確認の情報による", en="what it matches comes from an unverified source"
    ),
}

NEEDS = {
    "clause": Text(ja="約款の条項", en="clause of the terms of service"),
    "notice": Text(ja="公表", en="public notice"),
    "opt-out": Text(ja="随時・不利益なしの解除の手段", en="opting out at any time, without loss"),
    "review": Text(ja="見直しの期日", en="day of review"),
    "ground": Text(ja="法的根拠の記録", en="recorded legal ground"),
    "reidentification": Text(
        ja="再識別の手続（根拠・理由・監査記録）", en="re-identification (ground, reason, audit entry)"
    ),
    "apply-by": Text(ja="適用する人（sender 又は admin）", en="who may apply it (sender or admin)"),
}
