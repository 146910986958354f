"""Whether the software can be updated.

Question: Was an update performed, and did the version change?
How: The genuine newer image must have changed the version that was read before and after it.
Evidence: Facts ``update.genuine`` and ``update.version`` of the probe ``update_channel``.
Limits: A genuine image that changes nothing is undecided, not failed: a wrong recipe, a wrong image or a
    broken updater look the same from outside, and a test without a working positive control proves nothing.
    A terminal that only updates itself is undecided until a person shows an update.
Source: 第34条の10 第3号 (method left open); ETSI EN 303 645 5.3-1, 5.3-2.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.evidence import ATTEMPT_REASONS
from sekisho.model.observation import Observation, Observations, because
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding, Scalar, Verdict
from sekisho.ports import Parameters

_PROBE = "update_channel"


class SoftwareUpdate:
    """Judges by the version before and after one genuine update."""

    name = "software_update"
    title = Text(ja="ソフトウェアの更新", en="Software update")
    needs = (_PROBE,)
    reasons = {
        **ATTEMPT_REASONS,
        "updated": Text(
            ja="正規のイメージで更新でき、版が {before} から {after} に変わった。",
            en="A genuine update changed the version from {before} to {after}.",
        ),
        "no-working-update": Text(
            ja="正規のイメージを送っても版が {before} のまま変わらない。更新機能が働いていないか、手順・イメージの記述が違う。",
            en="The genuine image left the version at {before}: the updater does not work, or the description "
            "of its recipe or image is wrong.",
        ),
        "version-unknown": Text(
            ja="更新の前後で版を読めず、変わったかどうか分からない。",
            en="The version could not be read before and after the update, so a change can't be told.",
        ),
        "altered-installed": Text(
            ja="改変したイメージが先に入ってしまい、元に戻せないため、正規の更新を確かめられない。",
            en="An altered image was installed before and could not be undone, so a genuine update can't be seen.",
        ),
        "not-run": Text(ja="更新の試験をしていない。", en="Updating was not tested."),
    }

    def judge(self, observations: Observations, terminal: Terminal, parameters: Parameters) -> Finding:
        """Judge; takes no parameters."""
        del terminal, parameters
        genuine = observations.one("update.genuine")
        if genuine is None:
            return self._missing(observations)
        arguments: dict[str, Scalar] = {
            "before": genuine.attributes.get("before"),
            "after": genuine.attributes.get("after"),
            "seconds": genuine.attributes.get("seconds"),
        }
        verdict, reason = _weigh(genuine)
        return Finding(self.name, verdict, reason, arguments, genuine.because)

    def _missing(self, observations: Observations) -> Finding:
        attempt = observations.attempts.get(_PROBE)
        if attempt is None:
            return Finding(self.name, Verdict.NONE, "not-run")
        installed = [one for one in observations.of("update.refused") if one.value is False]
        if installed:
            return Finding(self.name, Verdict.INCONCLUSIVE, "altered-installed", because=because(installed))
        known = attempt.reason in ATTEMPT_REASONS and attempt.reason != "complete"
        reason = attempt.reason if known else "version-unknown"
        return Finding(self.name, Verdict.INCONCLUSIVE, reason, {"detail": attempt.detail})


def _weigh(genuine: Observation) -> tuple[Verdict, str]:
    if genuine.value is True:
        return Verdict.PASS, "updated"
    if genuine.value is False:
        return Verdict.INCONCLUSIVE, "no-working-update"
    return Verdict.INCONCLUSIVE, "version-unknown"


CRITERION = SoftwareUpdate()
