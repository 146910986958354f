"""Where packets may go: nothing leaves before this says yes (不正アクセス禁止法 2条4項).

`Scope` is asked before each socket is made, not once per run: a run that goes on past the last allowed day stops.
"""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.assessment import Authorisation
from sekisho.ports import Clock

JAPAN = timezone(timedelta(hours=9), "JST")
_REMEDY = Text(
    ja="許可書（アクセス管理者の同意）の宛先と期間を確かめてください。",
    en="Check the addresses and dates of the authorisation.",
)


class Scope:
    """The addresses and days of an `Authorisation`, and private address space unless it says otherwise."""

    def __init__(self, authorisation: Authorisation, clock: Clock, zone: tzinfo = JAPAN) -> None:
        """Take what is allowed; its days are calendar days of ``zone``, in which whoever signs reads the time."""
        self._authorisation = authorisation
        self._zone = zone
        self._clock = clock
        try:
            self._prefixes = tuple(ip_network(prefix, strict=False) for prefix in authorisation.addresses)
        except ValueError as error:
            raise AuthorisationError(
                Text(
                    ja="許可書の宛先が読めません。",
                    en="An address prefix of the authorisation can't be read.",
                ),
                str(error),
                _REMEDY,
            ) from error

    def check(self, address: str) -> IPv4Address | IPv6Address:
        """Return ``address`` parsed when something may be sent to it now.

        Raises:
            AuthorisationError: not an IP address, no single host, public, outside the prefixes, or not today.
        """
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError as error:
            raise _refusal("IPアドレスではありません。", "Not an IP address.", address) from error
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        if parsed.is_multicast or parsed.is_unspecified or parsed == IPv4Address("255.255.255.255"):
            raise _refusal(
                "一台の機器を指す宛先ではありません。", "Not the address of a single host.", address
            )
        if not self._authorisation.public_addresses and parsed.is_global:
            raise _refusal(
                "公開アドレスへの送信は許可されていません。",
                "Public addresses are not allowed by default.",
                address,
            )
        if not any(parsed in prefix for prefix in self._prefixes):
            raise _refusal("許可された範囲の外です。", "Outside the authorised addresses.", address)
        self._check_date()
        return parsed

    def allows(self, address: str) -> bool:
        """Return whether `check` would pass ``address``."""
        try:
            self.check(address)
        except AuthorisationError:
            return False
        return True

    def _check_date(self) -> None:
        today = self._clock.now().astimezone(self._zone).date()
        if not self._authorisation.valid_from <= today <= self._authorisation.valid_until:
            span = f"{self._authorisation.valid_from} – {self._authorisation.valid_until}"
            raise _refusal("許可された期間の外です。", "Outside the authorised dates.", f"{today} ({span})")


def _refusal(ja: str, en: str, where: str) -> AuthorisationError:
    return AuthorisationError(Text(ja=ja, en=en), where, _REMEDY)
