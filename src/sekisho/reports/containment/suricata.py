"""Virtual patch as Suricata rules. Never loaded into Suricata by us (Debian 12 has none): only their syntax is checked.

``drop`` needs Suricata inline (IPS); else it does what alert does.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens
from sekisho.reports.containment.tokens import NAMES


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return one rule per path, or one for the port when no path is known."""
    hole = rule.proposal.match.hole
    if hole is None:
        raise tokens.refuse("no hole")
    paths = hole.paths or ("",)
    numbers = tokens.numbers(rule, len(paths))
    port = tokens.port(hole.port)
    reference = f"reference:cve,{tokens.remark(hole.cve.removeprefix('CVE-'))}; " if hole.cve else ""
    rules = []
    for number, path in zip(numbers, paths, strict=True):
        said = f'msg:"Sekisho {tokens.identifier(rule)} {tokens.remark(hole.id)}"; '
        if path:
            where = "http"
            how = f'flow:established,to_server; http.uri; content:"{tokens.path(path)}"; startswith; nocase; '
        else:
            where = NAMES[tokens.protocol(hole.protocol)]
            how = "flow:to_server; "
        rules.append(
            f"drop {where} any any -> $HOME_NET {port} ({said}{how}{reference}"
            f"classtype:attempted-admin; sid:{number}; rev:1;)\n"
        )
    off = "".join(f"{number}\n" for number in numbers)
    head = tokens.header(rule)
    return (
        RuleText(
            "rules",
            head + "".join(rules),
            head + off,
            Text(
                ja="rule-files に加えて読み直す。管理サーバー（ACS）があれば pass 規則を先に置く",
                en="add it to rule-files and reload; put pass rules for management servers (ACS) before it",
            ),
            Text(
                ja="番号を disable.conf に加えて読み直す（又はファイルを外す）",
                en="add the numbers to disable.conf and reload (or take the file out)",
            ),
        ),
    )
