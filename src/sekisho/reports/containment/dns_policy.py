"""DNS response policy zone: NXDOMAIN for the very names of the list, nothing below them, and no log of anything.

Off unless clause, public notice, opt-out and review are on record (`model.containment_bounds`). Subscribers who opted out
are served by a view or resolver without this zone: no address of a subscriber ever stands in it.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.model.containment_bounds import canonical_name
from sekisho.reports.containment import tokens

_TTL = 60


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return the zone and the lines of named.conf that load it; the undo is the empty zone with a higher serial."""
    zone = f"{tokens.identifier(rule)}.rpz.sekisho.invalid"
    names = []
    for one in rule.proposal.match.names:
        name = canonical_name(one)
        if not name:
            raise tokens.refuse(one)
        names.append(name)
    serial = rule.proposal.made // 1000 % (1 << 32)
    records = "".join(f"{name} {_TTL} IN CNAME .\n" for name in dict.fromkeys(names))
    return (
        RuleText(
            "zone",
            _head(rule, zone, serial) + records,
            _head(rule, zone, (serial + 1) % (1 << 32)),
            Text(
                ja="リゾルバーのゾーンファイルに置いて読み直す。解除した利用者のviewには入れない",
                en="put it where the resolver reads zones and reload; leave it out of the view of those who opted out",
            ),
            Text(ja="取消しのゾーンに置き換えて読み直す", en="replace it by the undo's zone and reload"),
        ),
        RuleText(
            "named.conf",
            f'zone "{zone}" {{ type primary; file "{zone}.zone"; allow-query {{ none; }}; }};\n'
            f"// options {{ ... }} of the view:\n"
            f'// response-policy {{ zone "{zone}" policy nxdomain log no; }} qname-wait-recurse no;\n',
            f'// remove zone "{zone}" and its response-policy\n',
            Text(
                ja="BINDの設定に加える。response-policy は該当するviewに人が書く",
                en="add it to BIND's configuration; a person writes response-policy into the right view",
            ),
            Text(ja="ゾーンと response-policy を外す", en="take out the zone and its response-policy"),
        ),
    )


def _head(rule: Rule, zone: str, serial: int) -> str:
    return (
        f"{tokens.header(rule, ';')}$ORIGIN {zone}.\n$TTL {_TTL}\n"
        f"@ IN SOA localhost. root.localhost. {serial} 300 60 86400 {_TTL}\n@ IN NS localhost.\n"
    )
