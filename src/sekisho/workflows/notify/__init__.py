"""The verb notify: draft, approve, send, and take in what comes back.

A notice goes out once: that it is being sent is on the disk before its first octet leaves. When the program dies in
between, the notice stays in ``sending``: a person is asked, and nothing goes out again by itself.
"""

from __future__ import annotations

from sekisho.workflows.notify.approving import alike, approve, revise, settle, withdraw, words_but_reference
from sekisho.workflows.notify.drafting import Drafted, draft
from sekisho.workflows.notify.handing_over import hand_over
from sekisho.workflows.notify.office import Office
from sekisho.workflows.notify.outcomes import Step
from sekisho.workflows.notify.returning import Returned, take_back
from sekisho.workflows.notify.sending import Ready, Way, send

__all__ = [
    "Drafted",
    "Office",
    "Ready",
    "Returned",
    "Step",
    "Way",
    "alike",
    "approve",
    "draft",
    "hand_over",
    "revise",
    "send",
    "settle",
    "take_back",
    "withdraw",
    "words_but_reference",
]
