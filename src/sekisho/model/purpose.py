"""Privacy as values: why a dataset may be held, on which legal ground, and until when.

電気通信事業法4条 (通信の秘密); the four 取りまとめ of the ministry's study group (2014–2021); the conditions of
the fourth one (2021-11-24) for flow analysis in peacetime. Days of retention are nowhere fixed by law: they are
settings with a hard maximum, kept as data in ``catalogues``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sekisho.language import Text


class Purpose(StrEnum):
    """What a dataset may be used for; a query states one, and the store refuses any other."""

    CC_DETECTION = "cc-detection"
    ATTACK_DETECTION = "attack-detection"
    NOTICE = "notice"
    SHARING = "sharing"
    EVIDENCE_SUPPLY = "evidence-supply"
    OPERATION = "operation"
    DEMONSTRATION = "demonstration"


class LegalBasis(StrEnum):
    """The ground on which secrecy of communications may be touched."""

    LEGITIMATE_BUSINESS = "legitimate-business"
    CONSENT_BY_TERMS = "consent-by-terms"
    CONSENT = "consent"
    SELF_DEFENCE = "self-defence"
    NECESSITY = "necessity"
    NOT_COMMUNICATION = "not-communication"

    @property
    def label(self) -> Text:
        """The term of the law."""
        return _BASES[self]

    def leads_to(self, asked: LegalBasis) -> bool:
        """Say whether data held on this ground may lead to a subscriber on the ``asked`` one: on the same.

        Terms of service may also carry the notice about what was found as a legitimate business act: no flows are held
        on such terms, so no label could say so.
        """
        terms = (LegalBasis.LEGITIMATE_BUSINESS, LegalBasis.CONSENT_BY_TERMS)
        return asked is self or (self, asked) == terms


_BASES = {
    LegalBasis.LEGITIMATE_BUSINESS: Text(ja="正当業務行為", en="legitimate business act"),
    LegalBasis.CONSENT_BY_TERMS: Text(
        ja="契約約款等による包括同意", en="comprehensive consent by terms of service"
    ),
    LegalBasis.CONSENT: Text(ja="本人の同意", en="consent of the person"),
    LegalBasis.SELF_DEFENCE: Text(ja="正当防衛", en="self-defence"),
    LegalBasis.NECESSITY: Text(ja="緊急避難", en="necessity"),
    LegalBasis.NOT_COMMUNICATION: Text(
        ja="個別の通信に当たらない（試験・見本・公開データ）",
        en="no communication of anyone (test, demo, public data)",
    ),
}


class Stage(StrEnum):
    """How far data has come; each stage has its own expiry."""

    SPOOL = "spool"
    RAW_FLOW = "raw-flow"
    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    CASE = "case"
    ASSIGNMENT = "assignment"
    CONTACT = "contact"
    STAFF = "staff"
    AUDIT = "audit"


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every dataset carries. ``expires`` in milliseconds of the epoch; ``origin`` says where it came from."""

    purposes: tuple[Purpose, ...]
    basis: LegalBasis
    stage: Stage
    expires: int
    origin: str = ""

    def allows(self, purpose: Purpose, at: int) -> bool:
        """Say whether a query for ``purpose`` may read it at that moment."""
        return purpose in self.purposes and at < self.expires


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof of a deletion: what, how much, why, when."""

    dataset: str
    rows: int
    octets: int
    reason: str
    at: int
