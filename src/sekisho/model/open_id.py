"""Signing in by a provider of OpenID Connect: the operator's rules, and what an ID token must say.

Source: OpenID Connect Core 1.0, sections 2 (ID token), 3.1.2.1 (``max_age``), 3.1.3.7 (validation). Nobody gets an
account, or a role, that no rule of the operator gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from sekisho.model.identity import Role

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
_ORDER = (Role.VIEWER, Role.ANALYST, Role.SENDER, Role.ADMIN)


class OpenIdRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings ``oidc.toml``.

    :ivar issuer: the provider's address exactly as it names itself; https, or http to loopback
    :ivar secret_file: file of the client's secret, relative to the data folder; empty for a public client
    :ivar claim: which claim decides the role; with dots a way into it, as ``realm_access.roles``
    :ivar roles: value of that claim → role; the highest one counts, and who has none of them isn't let in
    :ivar name: claim that names the account
    :ivar title: what stands on the button
    :ivar authority: PEM file of a certification authority of one's own
    :ivar skew_seconds: how far the clocks may be apart
    """

    issuer: str
    client: str
    roles: dict[str, Role]
    claim: str = "groups"
    secret_file: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name: str = "preferred_username"
    title: str = "OpenID Connect"
    authority: str = ""
    skew_seconds: int = 60

    def role(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the role that the rules give to who has these claims; None for nobody of ours."""
        found = claims.get(self.claim)
        if found is None:
            found = claims
            for step in self.claim.split("."):
                found = found.get(step) if isinstance(found, Mapping) else None
        values = found if isinstance(found, list) else [found]
        given = {self.roles[one] for one in values if isinstance(one, str) and one in self.roles}
        return max(given, key=_ORDER.index, default=None)


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who a provider says somebody is.

    :ivar proved: when they proved it there (milliseconds); 0 when the provider doesn't say
    :ivar role: what the rules give them; None for nothing
    """

    subject: str
    name: str
    role: Role | None
    proved: int = 0


def fault(claims: Mapping[str, Any], rules: OpenIdRules, nonce: str, at: int) -> str:
    """Return the first thing that is wrong with the claims of an ID token at a moment in milliseconds; empty for none."""
    seconds, skew = at / 1000, rules.skew_seconds
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    ends, begun, before = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    party = claims.get("azp")
    checks = {
        "issuer": claims.get("iss") == rules.issuer,
        "audience": rules.client in several,
        "party": party == rules.client or (party is None and len(several) == 1),
        "expired": _number(ends) and seconds < ends + skew,
        "early": _number(begun) and begun <= seconds + skew and _number(before) and before <= seconds + skew,
        "nonce": bool(nonce) and claims.get("nonce") == nonce,
        "subject": isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255,  # noqa: PLR2004 - section 2
    }
    return next((name for name, good in checks.items() if not good), "")


def identity(claims: Mapping[str, Any], rules: OpenIdRules) -> Identity:
    """Return who somebody is by claims in which `fault` found nothing."""
    named, proved = claims.get(rules.name), claims.get("auth_time")
    subject = str(claims["sub"])
    name = named if isinstance(named, str) and named.strip() else subject
    return Identity(subject, name, rules.role(claims), int(proved * 1000) if _number(proved) else 0)


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # noqa: PLR2004 - seconds
