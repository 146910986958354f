"""Everything that the pages do and show is an operation of the API as well, with the same permission.

A new act or a new page without a row here fails: write its operation, then its row. What only a person in a browser
may do (it asks for a fresh sign-in) and how people sign in are the two things that no operation is for.
"""

from __future__ import annotations

import pytest

from sekisho.model.account import Permission
from sekisho.web.office import Office
from sekisho.web.operations import Operation
from sekisho.web.page import Route
from sekisho.web.pages import cases
from sekisho.web.pages.api import OPERATIONS

# Act of a page → operation. The acts of ``/cases/{id}/{act}`` stand one by one.
ACTS = {
    "/accidents": "openAccident",
    "/accidents/{id}/facts": "addAccidentFact",
    "/accidents/{id}/withdrawals": "withdrawAccidentFact",
    "/accidents/{id}/said": "sayOfAccident",
    "/accidents/{id}/answers": "answerOfAccident",
    "/accidents/{id}/drafts": "draftAccidentDocument",
    "/accidents/{id}/{kind}/{version}/form": "fillAccidentForm",
    "/assess/new": "planRun",
    "/assess/runs": "startRun",
    "/assess/runs/{id}/stop": "stopRun",
    "/assess/runs/{id}/resume": "resumeRun",
    "/assess/runs/{id}/questions/{number}": "answerQuestion",
    "/assess/{id}/reports": "makeReports",
    "/assess/{id}/rejudge": "rejudge",
    "/cases/{id}/draft": "draftNotice",
    "/cases/{id}/confirm": "stepCase",
    "/cases/{id}/acknowledge": "stepCase",
    "/cases/{id}/close": "stepCase",
    "/cases/{id}/assign": "assignCase",
    "/cases/{id}/model": "nameDeviceModel",
    "/cases/{id}/comment": "commentCase",
    "/cases/{id}/merge": "mergeCases",
    "/cases/{id}/split": "splitCase",
    "/cases/{id}/undo": "undoCase",
    "/cases/{id}/rules/{rule}": "writeRule",
    "/duties/done": "recordDutyDone",
    "/duties/undone": "takeDutyBack",
    "/duties/people/operator": "sayOperator",
    "/duties/people/sites": "sayOperator",
    "/duties/people/engineers": "sayOperator",
    "/duties/people/installers": "sayOperator",
    "/duties/people/file": "sayOperator",
    "/duties/checks/answers": "importSelfCheck",
    "/duties/checks/items": "importSelfCheckItems",
    "/duties/checks/{year}": "answerSelfCheck",
    "/duties/drills": "startDrill",
    "/duties/drills/{id}/acts": "actInDrill",
    "/duties/drills/{id}/end": "endDrill",
    "/duties/reminders": "setReminders",
    "/duties/reminders/send": "sendReminders",
    "/duties/learning/{id}/measures": "addMeasure",
    "/duties/learning/{id}/done": "recordMeasureDone",
    "/duties/learning/{id}/lesson": "writeLesson",
    "/notices/{id}/text": "rewordNotice",
    "/notices/{id}/withdraw": "withdrawNotice",
    "/terminals/new": "putDescription",
}
# The same permission is asked for by the state that is wanted, not by the path: a test of its own below.
BY_STATE = {"/cases/{id}/notified": "stepCase"}
# How somebody keeps their own sign-in is no fact of the house.
OWN_SIGN_IN = {
    "/account/sessions/end",
    "/account/sessions/end-others",
    "/account/confirm",
    "/account/tokens/revoke",
}
# Page → the operations that tell the same; a text says why there is none.
FACTS: dict[str, tuple[str, ...] | str] = {
    "/": ("getToday",),
    "/live": ("getToday",),
    "/accidents": ("listAccidents",),
    "/accidents/statistics": ("getAccidentStatistics",),
    "/accidents/statistics/periodic": "a format of its own, given to a token",
    "/accidents/{id}": ("getAccident", "listAccidentDocuments"),
    "/accidents/{id}/{kind}/{version}": ("getAccidentDocument",),
    "/account": ("whoAmI",),
    "/account/confirm": "how one signs in",
    "/account/confirm/openid": "how one signs in",
    "/account/confirm/openid/back": "how one signs in",
    "/assess": ("listAssessments",),
    "/assess/matrix": ("getMatrix",),
    "/assess/new": ("listDescriptions", "planRun"),
    "/assess/runs": ("listRuns",),
    "/assess/runs/{id}": ("getRun",),
    "/assess/runs/{id}/live": ("getRun",),
    "/assess/runs/{id}/questions": ("listQuestions",),
    "/assess/runs/{id}/questions/live": ("listQuestions",),
    "/assess/{id}": ("getAssessment", "getJudgement"),
    "/assess/{id}/captures/{sha256}": "octets: the file itself is given to a token",
    "/assess/{id}/changes": ("getChanges",),
    "/assess/{id}/evidence/{sha256}": "octets: the file itself is given to a token",
    "/assess/{id}/files/{sha256}": "octets: given to a token as they are",
    "/assess/{id}/pictures/{sha256}": "octets: given to a token as they are",
    "/assess/{id}/probes/{probe}": ("getJudgement",),
    "/assess/{id}/reports/{sha256}": "octets: given to a token as they are",
    "/assess/{id}/verify": ("verifyAssessment",),
    "/audit": ("listAudit", "verifyAudit"),
    "/cases": ("listCases",),
    "/cases/{id}": ("getCase", "listRules"),
    "/cases/{id}/rules/{rule}": ("listRules",),
    "/duties": ("listDuties",),
    "/duties/calendar.ics": "a format of its own, given to a token",
    "/duties/people": ("getOperator",),
    "/duties/checks": ("getSelfCheck",),
    "/duties/checks/{year}": ("getSelfCheck",),
    "/duties/checks/{year}/since/{before}": ("getSelfCheckChanges",),
    "/duties/drills": ("listDrills",),
    "/duties/drills/{id}": ("getDrill",),
    "/duties/drills/{id}/live": ("getDrill",),
    "/duties/reminders": ("getReminders",),
    "/duties/names": ("listStaffNames",),
    "/duties/learning": ("listLearning",),
    "/duties/learning/{id}": ("listLearning", "getLesson"),
    "/healing": ("getHealing",),
    "/held": ("getHeld",),
    "/help": "the manual",
    "/help/{name:path}": "the manual",
    "/metrics": "a format of its own, given to a token",
    "/notices": ("listNotices",),
    "/notices/{id}": ("getNotice",),
    "/people": ("listPeople",),
    "/search": ("listCases", "listNotices", "listDetections", "listTerminals"),
    "/settings": ("getSettings",),
    "/settings/{name}": ("getSettings",),
    "/terminals": ("listTerminals",),
    "/terminals/new": ("getDescription",),
    "/terminals/{id:path}": ("listTerminals", "listAssessments"),
    "/watch": ("getWatch", "listTalkers", "getSeries"),
    "/watch/detections": ("listDetections", "countDetections"),
    "/watch/detections/{id}": ("getDetection",),
    "/watch/live": ("getWatch",),
}
KNOWN = {one.name: one for one in OPERATIONS}


def routes(office: Office, method: str) -> dict[str, Route]:
    """Return the routes of all pages that ask for a permission, the acts on cases one by one."""
    found = {}
    for page in office.pages:
        for route in page.routes:
            if route.method != method or route.path.startswith("/api/"):
                continue
            if route.fresh or route.permission is Permission.OPEN:
                continue
            acts = cases._ACTS if route.path.endswith("{act}") else ("",)
            for act in acts:
                path = route.path.replace("{act}", act)
                if path not in BY_STATE or route.path in BY_STATE:
                    found[path] = route
    return found


def test_every_act_of_a_page_is_an_operation_with_the_same_permission(office: Office) -> None:
    acts = routes(office, "POST")
    assert set(acts) - set(ACTS) - set(BY_STATE) - OWN_SIGN_IN == set(), "a page does what the API can't"
    assert set(ACTS) - set(acts) == set(), "a row of an act that no page has"
    for path, name in ACTS.items():
        operation: Operation = KNOWN[name]
        assert operation.method == "POST", path
        assert operation.permission is acts[path].permission, path


def test_every_page_tells_what_the_api_tells(office: Office) -> None:
    pages = routes(office, "GET")
    assert set(pages) - set(FACTS) == set(), "a page shows what the API doesn't tell"
    assert set(FACTS) - set(pages) == set(), "a row of a page that isn't there"
    asks = list(Permission)
    for path, names in FACTS.items():
        for name in names if isinstance(names, tuple) else ():
            # Nobody learns by the API what the page refuses; what one may start is planned by those who may.
            lower = asks.index(KNOWN[name].permission) < asks.index(pages[path].permission)
            assert not lower or name in ("listQuestions", "listDescriptions"), (path, name)


@pytest.mark.parametrize("path", sorted(ACTS))
def test_an_act_in_person_is_no_operation(office: Office, path: str) -> None:
    """What asks a browser for a fresh sign-in has no way round by a token."""
    fresh = {one.path for page in office.pages for one in page.routes if one.fresh}
    assert path not in fresh
