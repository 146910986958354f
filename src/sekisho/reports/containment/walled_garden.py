"""RADIUS Change-of-Authorization (RFC 5176): moves one session into the walled garden, as input of radclient.

The session is named by User-Name and Framed-IP-Address; the filter's name (Filter-Id, RFC 2865 section 5.11) is one that
the access server knows. The undo names the normal filter.
"""

from __future__ import annotations

from sekisho.errors import RenderError
from sekisho.language import Text
from sekisho.model.containment import Rule, RuleText
from sekisho.reports.containment import tokens

# A RADIUS attribute holds up to 253 octets (RFC 2865 section 5).
_LONGEST = 253


def render(rule: Rule) -> tuple[RuleText, ...]:
    """Return the attributes of the CoA-Request and of the one that takes it back.

    :raises RenderError: the RADIUS user or the address is missing, or can't be a RADIUS string
    """
    if not rule.user or not rule.lines:
        raise RenderError(
            Text(
                ja="RADIUSの利用者とアドレスがない（再識別の手続が要る）",
                en="RADIUS user and address are missing (it takes a re-identification)",
            ),
            rule.proposal.id,
        )
    net = tokens.network(rule.lines[0])
    framed = (
        f"Framed-IP-Address = {net.network_address}"
        if net.version == 4  # noqa: PLR2004 - IP version
        else f"Delegated-IPv6-Prefix = {net}"
    )
    session = f"User-Name = {string(rule.user)}\n{framed}\n"
    garden = rule.settings.garden
    return (
        RuleText(
            "radclient",
            f"{session}Filter-Id = {string(garden.filter)}\n",
            f"{session}Filter-Id = {string(garden.normal)}\n",
            Text(
                ja="radclient -f このファイル 装置:3799 coa 共有鍵。装置によってはセッションの識別に他の属性も要る",
                en="radclient -f THIS NAS:3799 coa SECRET; some access servers want other attributes to find a session",
            ),
            Text(ja="取消しのファイルを同じ命令で送る", en="send the undo file with the same command"),
        ),
    )


def string(text: str) -> str:
    """Return ``text`` as a single-quoted string of radclient; there neither % nor $ means anything.

    :raises RenderError: control characters, or longer than an attribute
    """
    if not text.isprintable() or not 0 < len(text.encode()) <= _LONGEST:
        raise tokens.refuse(text)
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
