"""Cases, notices, accounts, the audit log and the indices in SQL: SQLite in one file by default, PostgreSQL by one URL.

Both engines have the same tables, statements and promises; ``tests/contract`` holds them to the same suite.
"""

from __future__ import annotations

from sekisho.stores.database.accidents import SqlAccidents
from sekisho.stores.database.accounts import SqlAccounts
from sekisho.stores.database.assessments import SqlAssessments
from sekisho.stores.database.audit import SqlAudit
from sekisho.stores.database.audit_check import Verified
from sekisho.stores.database.brake import SqlBrake
from sekisho.stores.database.cases import SqlCases
from sekisho.stores.database.detection_filling import SqlDetectionFilling
from sekisho.stores.database.detections import SqlDetections
from sekisho.stores.database.hub_counts import SqlLineCounts
from sekisho.stores.database.hub_makers import SqlAdvisories, SqlDisclosures, SqlModels, SqlShownModels
from sekisho.stores.database.hub_peers import SqlForeign, SqlOffers, SqlPeers
from sekisho.stores.database.hub_reports import SqlDisputes, SqlLedger, SqlReports
from sekisho.stores.database.members import SqlHubTokens, SqlMembers
from sekisho.stores.database.notices import SqlNotices
from sekisho.stores.database.opening import Database, open_postgres, open_sqlite
from sekisho.stores.database.papers import SqlPapers
from sekisho.stores.database.passkeys import SqlPasskeys
from sekisho.stores.database.sessions import SqlSessions
from sekisho.stores.database.shared_collections import SqlCollections, SqlSent
from sekisho.stores.database.shared_objects import SqlObjects
from sekisho.stores.database.staff_names import SqlStaffNames
from sekisho.stores.database.tokens import SqlTokens

__all__ = [
    "Database",
    "SqlAccidents",
    "SqlAccounts",
    "SqlAdvisories",
    "SqlAssessments",
    "SqlAudit",
    "SqlBrake",
    "SqlCases",
    "SqlCollections",
    "SqlDetectionFilling",
    "SqlDetections",
    "SqlDisclosures",
    "SqlDisputes",
    "SqlForeign",
    "SqlHubTokens",
    "SqlLedger",
    "SqlLineCounts",
    "SqlMembers",
    "SqlModels",
    "SqlNotices",
    "SqlObjects",
    "SqlOffers",
    "SqlPapers",
    "SqlPasskeys",
    "SqlPeers",
    "SqlReports",
    "SqlSent",
    "SqlSessions",
    "SqlShownModels",
    "SqlStaffNames",
    "SqlTokens",
    "Verified",
    "open_postgres",
    "open_sqlite",
]
