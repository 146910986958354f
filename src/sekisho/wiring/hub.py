"""Marries a hub: its folder, its database, its rules, the TAXII server over its shelves, and what it hands out."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from sekisho.catalogues.handling import read_handling
from sekisho.catalogues.popular_names import popular_names
from sekisho.catalogues.popular_services import own_services, popular_services
from sekisho.catalogues.sharing import sharing_rules
from sekisho.errors import DescriptionError
from sekisho.exchange.feeds import Entry, Head
from sekisho.exchange.taxii import Description, Limits, Root, TaxiiServer
from sekisho.formats.stix_marking import WRITTEN
from sekisho.formats.stix_object import check
from sekisho.language import Text
from sekisho.model.corroboration import Standing, Use, asleep_after, base_key, shown_counts, standing_keys
from sekisho.model.indicator import Tlp
from sekisho.model.membership import MemberState
from sekisho.model.purpose import Stage
from sekisho.model.sharing import Collection, Lane, Offered, Rights, rfc3339
from sekisho.stores.keys import key_at, read_key
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.whole_file import whole_new_file
from sekisho.workflows.hub import (
    OPERATOR,
    Books,
    Shelves,
    Visible,
    expire_counts,
    expire_models,
    publish,
    release_models,
    retired_items,
    standings_for,
    sweep,
)

if TYPE_CHECKING:
    from sekisho.stores.database import Database, SqlSent

SETTINGS, _DATABASE, _KEY = "hub.toml", "hub.db", "hub.key"
ROOT = "sharing"
_SENT_DAYS = 7
_USABLE = (Use.WATCH.value, Use.BLOCK.value)
_CHANCE = secrets.SystemRandom()
# Small, so that 20,000 objects a second don't run ahead of the clock.
_MEAN_STEP = 40
_LANES = {
    "list": (Lane.LIST, "C&Cの一覧", "List of C&C servers, written by the hub"),
    "list-in": (Lane.LIST_IN, "一覧への報告", "What members report for the list"),
    "evidence": (Lane.EVIDENCE, "自社宛ての証拠", "Evidence addressed to you alone"),
    "evidence-in": (Lane.EVIDENCE_IN, "証拠の提供", "Evidence for the carrier that a source belongs to"),
    "failure": (Lane.FAILURE, "障害情報", "Failures: what is down, since when, which services"),
}


class HubSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hub's operator decided.

    :ivar database: URL of PostgreSQL; empty for ``hub.db`` in the folder
    :ivar allow: names of special address ranges that are taken all the same (``documentation`` in a demonstration)
    :ivar own_names: names of the hub's own, which nobody can bring onto the list; that of ``contact`` is one as well
    :ivar protected: networks that never come onto the list, beside the table of popular services
    :ivar release_seconds: how long what changed is gathered before it goes out together, in an order of its own
    :ivar peer_seconds: how long from one reading of the hubs elsewhere to the next
    :ivar audit_days: how long an entry of the audit log is kept; 0: as everywhere (``data_handling.toml``)
    :ivar sharing: own values for the names of ``sharing.toml``
    """

    title: str = "Sekisho hub"
    description: str = ""
    contact: str = ""
    database: str = ""
    allow: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    release_seconds: int = 30
    peer_seconds: int = 60
    audit_days: float = 0.0
    sharing: Mapping[str, Any] = {}


class HubDesk:
    """An open hub."""

    def __init__(
        self,
        folder: Path,
        settings: HubSettings,
        database: Database,
        now: Callable[[], int],
        step: Callable[[], int],
    ) -> None:
        from sekisho.stores.database import (
            SqlAdvisories,
            SqlAudit,
            SqlCollections,
            SqlDisclosures,
            SqlDisputes,
            SqlForeign,
            SqlHubTokens,
            SqlLedger,
            SqlLineCounts,
            SqlMembers,
            SqlModels,
            SqlObjects,
            SqlOffers,
            SqlPeers,
            SqlReports,
            SqlSent,
            SqlShownModels,
        )

        self.folder, self.settings, self.database = folder, settings, database
        secret = read_key(folder / _KEY)
        self.books = Books(
            SqlMembers(database), SqlHubTokens(database), SqlCollections(database), SqlObjects(database, step),
            SqlReports(database), SqlDisputes(database), SqlLedger(database), SqlAudit(database),
            SqlPeers(database), SqlForeign(database), SqlOffers(database),
            SqlModels(database), SqlAdvisories(database), SqlDisclosures(database),
            SqlLineCounts(database), SqlShownModels(database),
            sharing_rules(settings.sharing), (*popular_services(), *own_services(settings.protected)), secret, now, secrets.token_bytes,
            frozenset(settings.allow), popular_names(), _own_names(settings),
        )  # fmt: skip
        self.sent: SqlSent = SqlSent(database)
        self._told: dict[Tlp, int] = {}  # by ceiling, how new a list was that went out last
        self.limits = Limits()
        shelves = Shelves(self.books)
        self.taxii = TaxiiServer(
            Description(settings.title, (Root(ROOT, settings.title, settings.description),), settings.description,
                        settings.contact),
            Visible(self.books), shelves, self.sent, clock=lambda: now() * 1000, fresh=self._fresh,
            key=secret, limits=self.limits, doorkeeper=shelves,
        )  # fmt: skip

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def named(self, name: str) -> Collection:
        """Return a collection by its id or alias. :raises DescriptionError: there is none."""
        found = [one for one in self.books.visible() if name in (one.id, one.alias)]
        if not found:
            raise DescriptionError(Text(ja="その集まりはない", en="there is no such collection"), name[:80])
        return found[0]

    def feed(self, rights: Mapping[str, Rights], grades: tuple[str, ...]) -> tuple[Head, list[Entry]] | None:
        """Return what somebody with these rights may load, of some grades; None without a right to read the list."""
        lane = self.books.lane(Lane.LIST)
        mine = rights.get(lane.id, Rights()) if lane else Rights()
        if lane is None or not mine.read:
            return None
        now, hour = self.books.now(), 3_600_000
        ceiling = min(mine.ceiling, Tlp.AMBER_STRICT)
        # In this order: what goes out meanwhile makes the list that is told here later than it is, and takes nothing off it.
        changed = self.books.reports.changed(ceiling)
        due = self.books.reports.due(None)
        usable = self.books.reports.usable(grades=_USABLE)
        # What went out and is to be written anew stays meanwhile, as far as it still holds; the list is another by now.
        waiting = {one.id for one in (*due, *usable) if one.published == 0 and one.level <= ceiling}
        anew = self.books.objects.known(lane.id, sorted(waiting))
        changed = now if anew else changed
        best: dict[str, Standing] = {}
        for one in usable:
            until = one.last + asleep_after(one.use, one.kind, self.books.rules)
            if one.level > ceiling or not (one.published > 0 or one.id in anew):
                continue
            if until <= now:
                changed = max(changed, until)
            elif one.grade in grades:
                # Of several levels the strictest that may be seen: it was published for its better use.
                best[base_key(one.key)] = max(
                    best.get(base_key(one.key), one), one, key=lambda some: some.level
                )
        entries = [
            Entry(
                one.id, one.kind, one.value, one.port, one.protocol, one.use, one.grade.value, one.family,
                one.first // hour * hour,
                (one.last + asleep_after(one.use, one.kind, self.books.rules)) // hour * hour,
            )
            for one in best.values()
        ]  # fmt: skip
        level = max((one.level for one in best.values()), default=Tlp.CLEAR)
        # Never below what was told before, not by a clock that was set back either.
        changed = self._told[ceiling] = max(changed, self._told.get(ceiling, 0))
        return Head(self.settings.title, changed, Tlp(level), len(entries)), entries

    def seen(self, keys: Sequence[str], member: str, rights: Mapping[str, Rights]) -> dict[str, Standing]:
        """Return what stands of some indicators as far as a member may know: nothing marked stricter has a say.

        Where it stands for others alone, what the member may know of it (its own report among that) is weighed for it.
        """
        lane = self.books.lane(Lane.LIST)
        mine = rights.get(lane.id, Rights()) if lane else Rights()
        found: dict[str, Standing] = {}
        for one in self.books.reports.standings([name for key in keys for name in standing_keys(key)]):
            key = base_key(one.key)
            if mine.read and one.level <= mine.ceiling and (key not in found or found[key].level < one.level):
                found[key] = one
        if mine.read:
            found |= standings_for(
                self.books, [key for key in keys if key not in found], member, mine.ceiling
            )
        return found

    def delivered(self, rights: Mapping[str, Rights]) -> bool:
        """Say whether evidence is delivered to who has these rights."""
        lane = self.books.lane(Lane.EVIDENCE)
        return lane is not None and rights.get(lane.id, Rights()).read

    def counts(self, rights: Mapping[str, Rights]) -> dict[str, int] | None:
        """Return how many indicators of each family stand, where enough groups of members stand behind the figure.

        Only by what is marked green or clear, of members that are active; None without a right to read the list.
        """
        lane = self.books.lane(Lane.LIST)
        if lane is None or not rights.get(lane.id, Rights()).read:
            return None
        groups = {
            one.id: one.group for one in self.books.members.members() if one.state is MemberState.ACTIVE
        }
        cells: dict[str, dict[str, int]] = {}
        standing = {
            base_key(one.key): one
            for one in self.books.reports.usable(grades=(Use.WATCH, Use.BLOCK))
            if one.level <= Tlp.GREEN
        }
        behind: dict[str, set[str]] = {}
        for report in self.books.reports.reports(list(standing)):
            if report.tlp <= Tlp.GREEN and report.member in groups:
                behind.setdefault(report.key, set()).add(groups[report.member])
        for key, some in behind.items():
            cell = cells.setdefault(standing[key].family or "-", {})
            for group in some:
                cell[group] = cell.get(group, 0) + 1
        return shown_counts(cells, k=self.books.rules.k, dominance=self.books.rules.k_dominance)

    def _fresh(self) -> str:
        return _uuid4()


def upkeep(desk: HubDesk, shuffle: bytes, *, whole: bool) -> int:
    """Publish what changed; with ``whole`` first let everything age and delete what is past its time. Return how many."""
    if whole:
        sweep(desk.books)
        retired_items(desk.books)
        expire_models(desk.books)
        release_models(desk.books)
        expire_counts(desk.books)
        desk.books.foreign.tidy(desk.books.now() - desk.books.rules.retire_after_days * 86_400_000)
        _expire_audit(desk)
        desk.sent.expire((desk.books.now() - _SENT_DAYS * 86_400_000) * 1000)
        desk.database.folded()  # it goes from the files as well; if not now, in an hour
    return publish(desk.books, shuffle)


def _expire_audit(desk: HubDesk) -> None:
    """Delete the audit log's oldest entries at their time, each batch with its checkpoint."""
    from sekisho.wiring.audit_holding import PerishableAudit

    own = {str(Stage.AUDIT): desk.settings.audit_days} if desk.settings.audit_days else {}
    perishable = PerishableAudit(desk.database, read_handling(own)[Stage.AUDIT], OPERATOR, "hub")
    for _ in perishable.expire(desk.books.now()):
        pass  # what went is in the log and beside it


def _own_names(settings: HubSettings) -> frozenset[str]:
    contact = settings.contact.rpartition("@")[2] if "@" in settings.contact else ""
    return frozenset(name.lower().rstrip(".") for name in (*settings.own_names, contact) if name)


def _uuid4() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def read_hub_settings(folder: Path) -> HubSettings:
    """Return the settings of a hub's folder.

    :raises DescriptionError: there is no hub, or its settings are wrong
    """
    file = folder / SETTINGS
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), HubSettings)
    except FileNotFoundError as error:
        raise DescriptionError(
            Text(ja="ここにハブはない", en="there is no hub here"), str(file),
            Text(ja="sekisho hub init で作る", en="make one: sekisho hub init"),
        ) from error  # fmt: skip
    except (OSError, ValueError) as error:
        raise DescriptionError(
            Text(ja="ハブの設定に誤りがある", en="the hub's settings are wrong"), f"{file}: {error}"
        ) from error


def random_step() -> int:
    """Return the microseconds between two objects: forgetful, so that a gap tells no count of what lies in it."""
    return 1 + int(_CHANCE.expovariate(1 / _MEAN_STEP))


def opened_hub(
    folder: Path,
    now: Callable[[], int] = milliseconds,
    step: Callable[[], int] = random_step,
    *,
    new: bool = False,
) -> HubDesk:
    """Return an open hub, which its caller closes; errors as `open_hub`. Of a ``new`` one the key is not looked at yet."""
    from sekisho.stores.database import open_postgres, open_sqlite

    settings = read_hub_settings(folder)
    database = open_postgres(settings.database) if settings.database else open_sqlite(folder / _DATABASE)
    try:
        desk = HubDesk(folder, settings, database, now, step)
        if not new:
            _own(desk)
    except BaseException:
        database.close()
        raise
    return desk


def _own(desk: HubDesk) -> None:
    """Make sure that the key is the one that this database was made with.

    With another one it would be another hub: its ids, its signature under a page and its tokens fit nothing that is there.

    :raises DescriptionError: it isn't
    """
    lane = desk.books.lane(Lane.LIST)
    desk.books.forget()
    if lane is None or not desk.books.objects.has(lane.id, desk.books.identity):
        raise DescriptionError(
            Text(
                ja="この鍵は、このデータベースのハブの鍵ではない",
                en="this key is not the key of this database's hub",
            ),
            str(desk.folder / _KEY),
            Text(ja="控えから hub.key を戻す", en="restore hub.key from its copy"),
        )


@contextmanager
def open_hub(
    folder: Path, now: Callable[[], int] = milliseconds, step: Callable[[], int] = random_step
) -> Iterator[HubDesk]:
    """Open a hub.

    :raises DescriptionError: there is none, its settings are wrong, or its key is another hub's
    :raises StoreError: its database or its key can't be opened
    """
    desk = opened_hub(folder, now, step)
    try:
        yield desk
    finally:
        desk.close()


def init_hub(folder: Path, title: str, contact: str, database: str, allow: tuple[str, ...] = ()) -> None:
    """Make a hub: its settings, its key, its database, a collection for each lane, and who it is.

    :raises DescriptionError: there is one already
    :raises StoreError: the folder or the database refuses
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = {"title": title, "contact": contact, "database": database}
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in words.items() if value]
    lines += [f"allow = {msgspec.json.encode(allow).decode()}"] if allow else []
    whole_new_file(folder / SETTINGS, ("\n".join(lines) + "\n").encode())
    key_at(folder / _KEY)
    with closing(opened_hub(folder, new=True)) as desk:
        for alias, (lane, ja, en) in _LANES.items():
            desk.books.collections.found(Collection(_uuid4(), en, ja, alias, lane, Tlp.RED))
        desk.books.forget()
        now = desk.books.now()
        moment = rfc3339(now * 1000)[:-4] + "Z"
        body = msgspec.json.encode(
            {
                "type": "identity", "spec_version": "2.1", "id": desk.books.identity, "created": moment, "modified": moment,
                "name": title, "identity_class": "organization", "object_marking_refs": [WRITTEN[Tlp.CLEAR]],
            }
        )  # fmt: skip
        one = check(body)
        offered = Offered(one.id, one.type, one.version, one.version_key, one.digest, body.decode())
        desk.books.objects.add(desk.named("list").id, [offered], now * 1000)
        desk.books.audit.append("hub", "hub", "hub-init", title, at=now)
