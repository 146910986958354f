"""What STIX 2.1 asks of each kind of object: the properties that must be there, and the orders of its times.

Written after OASIS STIX 2.1 (2021-06-10), sections 3.2, 4 (domain), 5 (relationship), 6 (cyber-observable), 7 (meta).
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The four families of STIX objects, and those of types that the standard doesn't name."""

    DOMAIN = "domain"
    RELATIONSHIP = "relationship"
    OBSERVABLE = "observable"
    META = "meta"
    CUSTOM = "custom"


_COMMON = ("spec_version", "created", "modified")
_DOMAIN = {
    "attack-pattern": ("name",),
    "campaign": ("name",),
    "course-of-action": ("name",),
    "grouping": ("context", "object_refs"),
    "identity": ("name",),
    "incident": ("name",),
    "indicator": ("pattern", "pattern_type", "valid_from"),
    "infrastructure": ("name",),
    "intrusion-set": ("name",),
    "location": (),
    "malware": ("is_family",),
    "malware-analysis": ("product",),
    "note": ("content", "object_refs"),
    "observed-data": ("first_observed", "last_observed", "number_observed"),
    "opinion": ("opinion", "object_refs"),
    "report": ("name", "published", "object_refs"),
    "threat-actor": ("name",),
    "tool": ("name",),
    "vulnerability": ("name",),
}
_RELATIONSHIP = {
    "relationship": ("relationship_type", "source_ref", "target_ref"),
    "sighting": ("sighting_of_ref",),
}
_META = {
    "marking-definition": ("spec_version", "created"),
    "language-content": (*_COMMON, "object_ref", "contents"),
    "extension-definition": (*_COMMON, "created_by_ref", "name", "schema", "version", "extension_types"),
}
_OBSERVABLE = {
    "artifact": (),
    "autonomous-system": ("number",),
    "directory": ("path",),
    "domain-name": ("value",),
    "email-addr": ("value",),
    "email-message": ("is_multipart",),
    "file": (),
    "ipv4-addr": ("value",),
    "ipv6-addr": ("value",),
    "mac-addr": ("value",),
    "mutex": ("name",),
    "network-traffic": ("protocols",),
    "process": (),
    "software": ("name",),
    "url": ("value",),
    "user-account": (),
    "windows-registry-key": (),
    "x509-certificate": (),
}
#: For each type its kind and what it must have besides ``type`` and ``id``.
TYPES: dict[str, tuple[Kind, tuple[str, ...]]] = {
    **{name: (Kind.DOMAIN, (*_COMMON, *more)) for name, more in _DOMAIN.items()},
    **{name: (Kind.RELATIONSHIP, (*_COMMON, *more)) for name, more in _RELATIONSHIP.items()},
    **{name: (Kind.OBSERVABLE, more) for name, more in _OBSERVABLE.items()},
    **{name: (Kind.META, more) for name, more in _META.items()},
}
#: For some types: groups of properties of which one must be there whole.
ONE_OF: dict[str, tuple[tuple[str, ...], ...]] = {
    "location": (("region",), ("country",), ("latitude", "longitude")),
    "malware-analysis": (("result",), ("analysis_sco_refs",)),
    "observed-data": (("object_refs",), ("objects",)),
    "artifact": (("payload_bin",), ("url", "hashes")),
    "file": (("hashes",), ("name",)),
    "network-traffic": (("src_ref",), ("dst_ref",)),
    "marking-definition": (("definition_type", "definition"), ("extensions",)),
}
#: Properties that are times wherever they stand at the top of an object that the standard names.
TIMES = frozenset({
    "created", "modified", "valid_from", "valid_until", "first_seen", "last_seen", "first_observed", "last_observed",
    "published", "start_time", "stop_time", "submitted", "analysis_started", "analysis_ended", "date", "start", "end",
    "created_time", "modified_time", "ctime", "mtime", "atime", "account_created", "account_expires",
    "credential_last_changed", "account_first_login", "account_last_login", "validity_not_before", "validity_not_after",
})  # fmt: skip
#: (earlier, later, whether both may be the same)
ORDERS = (
    ("created", "modified", True),
    ("valid_from", "valid_until", False),
    ("first_seen", "last_seen", True),
    ("first_observed", "last_observed", True),
    ("start_time", "stop_time", True),
    ("start", "end", True),
)
#: Types that say what a reference must point at.
POINTS_AT = {"created_by_ref": "identity", "object_marking_refs": "marking-definition"}
