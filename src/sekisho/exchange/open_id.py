"""Speaks OpenID Connect with a provider: discovery, keys, the code for an ID token; in bounded time and size.

Sources: OpenID Connect Discovery 1.0, section 4; Core 1.0, section 3.1; RFC 6749, section 4.1; RFC 7636 (PKCE, S256);
RFC 9207 (``iss`` of the answer). Signatures are proven by joserfc (the extra ``oidc``). Nothing of the provider is
believed before its signature, and no algorithm that needs no key of the provider's is taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sekisho.errors import PeerFailure, ReadingError
from sekisho.exchange.bounded_http import BoundedHttp, HttpBounds
from sekisho.model.open_id import ALGORITHMS, Identity, OpenIdRules, fault, identity

_BOUNDS = HttpBounds(quiet_seconds=5, seconds=10, page_octets=1 << 20, octets=1 << 20)
_WELL_KNOWN = "/.well-known/openid-configuration"
_KEPT_S = 3_600.0
# A token under an unknown key makes us look for new keys, but strangers must not make us ask again and again.
_AGAIN_S = 10.0
_OK = 200


class _Document(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


class OpenIdProvider:
    """One provider, by the operator's rules. Threads may share it.

    :raises PeerFailure: from its methods, for everything that the provider does wrong
    """

    def __init__(
        self, rules: OpenIdRules, secret: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Name the provider; ``secret`` gives the client's secret when it is needed, ``clock`` seconds."""
        self.rules = rules
        self._secret, self._clock, self._guard = secret, clock, Lock()
        self._document: tuple[float, _Document] | None = None
        self._keys: tuple[float, KeySet] | None = None
        # A provider that gives no answer must not hold a thread of ours for each stranger who asks.
        self._silent: tuple[float, PeerFailure] | None = None

    def address(self, state: str, nonce: str, verifier: str, back: str, *, fresh: bool) -> str:
        """Return where the browser goes; ``fresh`` asks for a new proof even of who is signed in there."""
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code", "client_id": self.rules.client, "redirect_uri": back,
            "scope": " ".join(dict.fromkeys(("openid", *self.rules.scopes))), "state": state, "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256", **({"prompt": "login", "max_age": "0"} if fresh else {}),
        }  # fmt: skip
        where = self._found().authorization_endpoint
        return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}"

    def leaving(self, back: str) -> str:
        """Return where the browser signs out of the provider, too; empty when the provider has no such place."""
        where = self._found().end_session_endpoint
        asked = urlencode({"client_id": self.rules.client, "post_logout_redirect_uri": back})
        return f"{where}{'&' if urlsplit(where).query else '?'}{asked}" if where else ""

    def identity(self, code: str, nonce: str, verifier: str, back: str, at: int) -> Identity:
        """Exchange a code for an ID token and return who it names, when everything of it is right."""
        found = self._found()
        body = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier,
            "client_id": self.rules.client,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.rules.secret_file:
            pair = f"{quote(self.rules.client, safe='')}:{quote(self._secret(), safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = self._ask(found.token_endpoint, headers, urlencode(body).encode())
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise PeerFailure("no-token", "the answer has no ID token")
        claims = self._proven(token)
        if wrong := fault(claims, self.rules, nonce, at):
            raise PeerFailure("token", wrong)
        return identity(claims, self.rules)

    def _proven(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that the provider signed; a key that we don't know yet is looked for once."""
        for again in (False, True):
            try:
                return jwt.decode(token, self._signing(again=again), algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError, TypeError, KeyError, binascii.Error) as error:
                if again:
                    raise PeerFailure("signature", type(error).__name__) from error
        raise AssertionError

    def _signing(self, *, again: bool) -> KeySet:
        with self._guard:
            age = self._clock() - self._keys[0] if self._keys else _KEPT_S
            if self._keys and age < (_AGAIN_S if again else _KEPT_S):
                return self._keys[1]
        answer = self._ask(self._found().jwks_uri)
        try:
            # Keys of a kind that we don't know must not hide those that we do.
            known = [one for one in answer["keys"] if one.get("kty") in ("RSA", "EC", "OKP")]
            keys = KeySet.import_key_set({"keys": known})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise PeerFailure("keys", type(error).__name__) from error
        with self._guard:
            self._keys = (self._clock(), keys)
        return keys

    def _found(self) -> _Document:
        with self._guard:
            if self._document and self._clock() - self._document[0] < _KEPT_S:
                return self._document[1]
            if self._silent and self._clock() - self._silent[0] < _AGAIN_S:
                raise PeerFailure(self._silent[1].reason, self._silent[1].detail)
        try:
            answer = self._ask(self.rules.issuer.rstrip("/") + _WELL_KNOWN)
        except PeerFailure as error:
            with self._guard:
                self._silent = (self._clock(), error)
            raise
        try:
            found = msgspec.convert(answer, _Document)
        except msgspec.ValidationError as error:
            raise PeerFailure("discovery", str(error)) from error
        if found.issuer != self.rules.issuer:
            raise PeerFailure("discovery", "it names another issuer")
        with self._guard:
            self._document = (self._clock(), found)
        return found

    def _ask(
        self, address: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        parts = urlsplit(address)
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            wire = BoundedHttp(
                address, _BOUNDS, headers or {"Accept": "application/json"}, self.rules.authority
            )
        except (ReadingError, OSError) as error:
            raise PeerFailure("address", address) from error
        try:
            response, content = wire.get(path) if body is None else wire.post(path, body)
        finally:
            wire.close()
        if response.status != _OK:
            raise PeerFailure(f"status-{response.status}", parts.path)
        try:
            return msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PeerFailure("json", parts.path) from error
