"""Passkeys: WebAuthn Level 2 with a browser, by py_webauthn; user verification is always required.

Attestation is "none": which maker's key it is doesn't matter here, and asking would tell us more about a person than we
need. Algorithms are the library's: Ed25519, ES256, RS256.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from sekisho.model.account import Account, Passkey
from sekisho.ports.accounts import Unproven

_LONGEST = 64_000
_TIMEOUT_MS = 120_000


class _ClientData(msgspec.Struct, frozen=True):
    challenge: str


class _Response(msgspec.Struct, frozen=True):
    clientDataJSON: str  # noqa: N815 - the standard's word


class _Answer(msgspec.Struct, frozen=True):
    id: str
    response: _Response


class WebAuthn:
    """A `PasskeyCeremony`. The library is loaded when it is first asked."""

    def creation(self, host: str, account: Account, challenge: bytes, known: Collection[str]) -> str:
        """Return the options for ``navigator.credentials.create`` as JSON."""
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_registration_options(
            rp_id=host,
            rp_name="Sekisho 関所",
            user_name=account.name,
            user_id=account.id.encode(),
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(known),
        )
        return webauthn.options_to_json(options)

    def created(self, answer: str, host: str, origins: Sequence[str], challenge: bytes) -> Passkey:
        """Return the new passkey, nobody's and without a name yet. :raises Unproven: the answer doesn't fit."""
        import webauthn
        from webauthn.helpers import bytes_to_base64url

        self.named(answer)  # its size and form
        try:
            done = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=host,
                expected_origin=list(origins),
                require_user_verification=True,
            )
        except Exception as error:
            raise Unproven(f"{type(error).__name__}: {error}"[:200]) from error
        return Passkey(
            id=bytes_to_base64url(done.credential_id),
            account="",
            key=bytes_to_base64url(done.credential_public_key),
            sign_count=done.sign_count,
            name="",
            added=0,
        )

    def request(self, host: str, challenge: bytes, known: Collection[str]) -> str:
        """Return the options for ``navigator.credentials.get`` as JSON; no ``known`` asks for any key of the host."""
        import webauthn
        from webauthn.helpers import structs

        options = webauthn.generate_authentication_options(
            rp_id=host,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_descriptors(known),
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    def named(self, answer: str) -> tuple[str, bytes]:
        """Return the credential id and the challenge that an answer speaks of. :raises Unproven: it can't be read."""
        from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

        if len(answer) > _LONGEST:
            raise Unproven("too long")
        try:
            found = msgspec.json.decode(answer, type=_Answer)
            client = base64url_to_bytes(found.response.clientDataJSON)
            challenge = base64url_to_bytes(msgspec.json.decode(client, type=_ClientData).challenge)
            # In one spelling only: ids are looked up as texts.
            return bytes_to_base64url(base64url_to_bytes(found.id)), challenge
        except (msgspec.MsgspecError, ValueError, UnicodeError) as error:
            raise Unproven(f"not an answer: {error}"[:200]) from error

    def proven(
        self, answer: str, host: str, origins: Sequence[str], challenge: bytes, passkey: Passkey
    ) -> int:
        """Check an answer to a request and return the new count. :raises Unproven: it isn't right, or the count fell."""  # fmt: skip
        import webauthn
        from webauthn.helpers import base64url_to_bytes

        if self.named(answer)[0] != passkey.id:
            raise Unproven("another passkey")
        try:
            done = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=host,
                expected_origin=list(origins),
                credential_public_key=base64url_to_bytes(passkey.key),
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception as error:
            raise Unproven(f"{type(error).__name__}: {error}"[:200]) from error
        return done.new_sign_count


def _descriptors(known: Collection[str]) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in sorted(known)]
