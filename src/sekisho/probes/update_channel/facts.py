"""From records to facts about the update mechanism; pure."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.language import Text
from sekisho.model.evidence import Evidence, Pointer, Record
from sekisho.model.observation import Observation
from sekisho.model.verdict import Assurance, Scalar

FACTS = {
    "update.version": Text(ja="読み出した版（いつ）", en="the version read (when)"),
    "update.refused": Text(
        ja="改変したイメージを入れなかったか（版を読み戻して）",
        en="whether an altered image was kept out (by reading the version back)",
    ),
    "update.live": Text(ja="イメージを送った後も応答するか", en="whether it still answers after an image"),
    "update.genuine": Text(
        ja="正規のイメージで版が変わったか（対照実験）",
        en="whether the genuine image changed the version (positive control)",
    ),
    "update.downgrade": Text(ja="古いイメージを入れなかったか", en="whether the older image was kept out"),
    "update.returned": Text(ja="元の版に戻したか", en="whether the first version is back"),
    "update.newest": Text(
        ja="最新版であることを確認する手段があるか", en="whether the newest version can be confirmed"
    ),
    "update.transport": Text(ja="イメージを送った経路", en="what carried the image"),
    "update.automatic": Text(ja="自動更新の宣言", en="automatic update, as declared"),
}


def derive(evidence: Evidence) -> Iterator[Observation]:
    """Yield the facts in the order in which they were measured."""
    yield from _declared(evidence)
    first = evidence.record("version/before")
    if first is not None:
        version = first.data.get("version")
        yield _fact(evidence, "update.version", "software", version, [first], when="before")
        yield _fact(evidence, "update.live", "software", version is not None, [first], when="before")
    names = [one.step.split("/")[1] for one in evidence.under("mutant/") if one.step.count("/") == 2]  # noqa: PLR2004  # mutant, name, what
    for name in dict.fromkeys(names):
        yield from _mutant(evidence, name)
    yield from _quiet(evidence)
    yield from _genuine(evidence)
    yield from _older(evidence)
    yield from _returned(evidence, first)
    yield from _newest(evidence)


def _declared(evidence: Evidence) -> Iterator[Observation]:
    record = evidence.record("images")
    if record is None:
        return
    transport = record.data.get("transport")
    if transport:
        yield _fact(evidence, "update.transport", "upload", transport, [record])
    because = (evidence.point(record),)
    automatic = bool(record.data.get("automatic"))
    yield Observation(
        "update.automatic", "software", automatic, because=because, assurance=Assurance.DECLARED
    )
    if manual := str(record.data.get("manual") or ""):
        yield Observation(
            "update.newest", "manual", True, {"text": manual}, because, assurance=Assurance.DECLARED
        )


def _mutant(evidence: Evidence, name: str) -> Iterator[Observation]:
    sent, after, before = _pair(evidence, f"mutant/{name}")
    if after is None:
        return
    version = after.data.get("version")
    subject = f"image {name}"
    value: bool | None = version == before if version is not None and _reached(sent) else None
    if version is not None and before is not None and version != before:
        # Seen installed: how the upload was answered doesn't matter any more.
        value = False
    records = [one for one in (sent, after) if one is not None]
    attributes: dict[str, Scalar] = {"before": before, "after": version, **_answered(sent)}
    yield _fact(evidence, "update.refused", subject, value, records, **attributes)
    alive = None if after.failure else version is not None
    yield _fact(evidence, "update.live", subject, alive, [after], when="after")


def _quiet(evidence: Evidence) -> Iterator[Observation]:
    record = evidence.record("quiet")
    if record is None or record.failure:
        return
    changed = record.data.get("changed")
    yield _fact(evidence, "update.live", "quiet", changed is not None, [record], when="after")
    if changed:
        attributes: dict[str, Scalar] = {"after": record.data.get("version")}
        yield _fact(evidence, "update.refused", "image late", False, [record], **attributes)


def _genuine(evidence: Evidence) -> Iterator[Observation]:
    sent, after, before = _pair(evidence, "genuine")
    if after is None:
        return
    version = after.data.get("version")
    value = version != before if version is not None and before is not None else None
    if value is False and not _reached(sent):
        value = None
    records = [one for one in (sent, after) if one is not None]
    attributes: dict[str, Scalar] = {
        "before": before,
        "after": version,
        "seconds": after.data.get("seconds"),
        **_answered(sent),
    }
    yield _fact(evidence, "update.genuine", "image newer", value, records, **attributes)
    yield _fact(evidence, "update.version", "software", version, [after], when="updated")


def _older(evidence: Evidence) -> Iterator[Observation]:
    sent, after, before = _pair(evidence, "older")
    if after is None:
        return
    version = after.data.get("version")
    value: bool | None = None
    if version is not None and before is not None:
        value = (version == before) if (_reached(sent) or version != before) else None
    records = [one for one in (sent, after) if one is not None]
    attributes: dict[str, Scalar] = {"before": before, "after": version, **_answered(sent)}
    yield _fact(evidence, "update.downgrade", "image older", value, records, **attributes)
    yield _fact(evidence, "update.live", "image older", version is not None, [after], when="after")


def _returned(evidence: Evidence, first: Record | None) -> Iterator[Observation]:
    """The last version that any step saw, compared with the first."""
    watched = [one for one in evidence.records if "changed" in one.data and not one.failure]
    if first is None or len(watched) < 2:  # noqa: PLR2004  # only the first look: nothing was sent
        return
    last, original = watched[-1].data.get("version"), first.data.get("version")
    value = last == original if last is not None and original is not None else None
    attributes: dict[str, Scalar] = {"version": last, "first": original}
    yield _fact(evidence, "update.returned", "software", value, [watched[-1]], **attributes)
    yield _fact(evidence, "update.version", "software", last, [watched[-1]], when="end")


def _newest(evidence: Evidence) -> Iterator[Observation]:
    looks = evidence.under("newest/device/")
    if looks:
        values = [look.data.get("value") for look in looks]
        found = next((value for value in reversed(values) if value), None)
        # A page that isn't there is no means; one that couldn't be reached is unknown.
        unknown = all(look.failure or look.data.get("failure") for look in looks)
        value = True if found else (None if unknown else False)
        attributes: dict[str, Scalar] = {
            "text": str(found)[:200] if found else None,
            "moved": len(values) > 1 and values[0] != values[-1],
        }
        yield _fact(evidence, "update.newest", "device", value, list(looks), **attributes)
    web = evidence.record("newest/web")
    if web is not None:
        names = web.data.get("names")
        attributes = {
            "place": web.data.get("place"),
            "kind": web.data.get("kind"),
            "names": ", ".join(names) if names else None,
            "failure": web.failure.reason if web.failure else web.data.get("failure"),
        }
        yield _fact(evidence, "update.newest", "web", True if names else None, [web], **attributes)


def _pair(evidence: Evidence, prefix: str) -> tuple[Record | None, Record | None, str | None]:
    sent, after = evidence.record(f"{prefix}/upload"), evidence.record(f"{prefix}/after")
    before = sent.data.get("before") if sent else None
    if before is None and after is not None:
        # The upload was broken off with our own run: the version before it stands in the step before.
        index = evidence.records.index(after)
        earlier = [one.data.get("version") for one in evidence.records[:index] if "changed" in one.data]
        before = earlier[-1] if earlier else None
    return sent, after, before


def _reached(sent: Record | None) -> bool:
    """Tell whether the image can have reached the updater as a whole, or been refused on its way."""
    if sent is None or sent.failure is not None:
        return False
    return bool(sent.data.get("sent")) and sent.data.get("failure") != "timed-out"


def _answered(sent: Record | None) -> dict[str, Scalar]:
    if sent is None:
        return {}
    failure = sent.failure.reason if sent.failure else sent.data.get("failure")
    return {"status": sent.data.get("status"), "failure": failure or None}


def _fact(
    evidence: Evidence, name: str, subject: str, value: Scalar, records: list[Record], **attributes: Scalar
) -> Observation:
    because: tuple[Pointer, ...] = tuple(evidence.point(record) for record in records)
    return Observation(name, subject, value, attributes, because)
