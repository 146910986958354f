"""What the update mechanism accepts and what it refuses.

Question: Does a genuine update change the version, and is a changed, truncated, otherwise signed or
    older image refused before it is installed? How can a user confirm that the newest version runs?
How: Read the version. Send changed copies of the newer image: one byte of the payload flipped (in a cpio
    archive also one of the description), truncated, the same with cheap checksums repaired, and the maker's
    images with another key and unsigned, when they are given. After each, read the version back and
    see that it can be read at all. Wait quietly and read once more, for installations that are late. Then
    the genuine newer image as the positive control, then the older one, then back to the first version.
Evidence: Steps ``images`` (name, size, SHA-256 only), ``version/before``, ``mutant/<name>/upload|after``,
    ``quiet``, ``genuine/…``, ``older/…``, ``return/…``, ``newest/…``. What an upload was answered is kept
    but decides nothing: real updaters answer 200 to images that they refuse. Software that is updated on its host
    gets the image by the described installer (``install``) instead of an upload.
Limits: Seen is the version that the terminal tells. An image with another key or without a signature
    must carry another version than the installed one, or its installation can't be seen. A copy
    accepted first and refused at some later boot counts as accepted. A signature check that a crafted image
    could fool is not looked for. With ``version`` read by an anonymous recipe the page must be the device's own.
Source: 2025 report (JP25-3a, JP25-3b), 第34条の10 第3号, ETSI EN 303 645 5.3-2, 5.3-9, 5.3-10; TS 103 701 5.3-2-2.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Terminal
from sekisho.ports import Wire
from sekisho.probes.update_channel.facts import FACTS, derive
from sekisho.probes.update_channel.series import Series


class UpdateChannel:
    """Sends update images and believes only the version that can be read back."""

    name = "update_channel"
    version = "1"
    risk = Risk.UPDATE
    title = Text(ja="ソフトウェアの更新", en="Software update")
    facts = FACTS

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say which images would be sent."""
        update = terminal.update
        if update is None:
            return ()
        lines = [
            Text(
                ja="ソフトウェアの版と、最新版の確認手段を読む",
                en="Read the software version and the means to confirm the newest one",
            )
        ]
        if update.images.newer:
            lines.append(
                Text(
                    ja="新しいイメージの1バイト変更・切り詰め・検査値修正版を送り、拒否されるか見る",
                    en="Send changed, truncated and checksum-repaired copies of the newer image",
                )
            )
        shown = {
            "other_key": Text(ja="別の鍵で署名したイメージを送る", en="Send the image signed by another key"),
            "unsigned": Text(ja="署名のないイメージを送る", en="Send the unsigned image"),
            "newer": Text(
                ja="正規の新しいイメージで更新する（対照実験）",
                en="Update with the genuine newer image (control)",
            ),
            "older": Text(ja="正規の古いイメージを送る", en="Send the genuine older image"),
            "current": Text(ja="元の版に戻す", en="Return to the first version"),
        }
        return (*lines, *(text for kind, text in shown.items() if getattr(update.images, kind)))

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Do the whole series in its fixed order."""
        if terminal.update is None:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "nothing-declared"))
        return wire.seal(await Series(terminal, terminal.update, wire).run())

    def observe(self, evidence: Evidence) -> Iterable[Observation]:
        """Derive what was refused and what was installed."""
        return derive(evidence)


PROBE = UpdateChannel()
