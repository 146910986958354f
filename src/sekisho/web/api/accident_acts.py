"""Operations that put an accident on record, take facts back, say what only people know, and draft documents."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Language, Text
from sekisho.model.accident_record import AccidentRecord, DocumentVersion, SignOff, Told
from sekisho.model.account import Permission
from sekisho.model.draft import Kind
from sekisho.model.timeline import About, Details
from sekisho.web.acting import actor
from sekisho.web.api.accidents import AccidentOut, Fact, JudgedOut, accident_out, cells_of, judged_out
from sekisho.web.asked import Asked
from sekisho.web.office import JAPAN
from sekisho.web.operations import Operation, standing
from sekisho.wiring.console_accidents import told_in

Long = Annotated[str, msgspec.Meta(max_length=2000)]
Title = Annotated[str, msgspec.Meta(max_length=200)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=99_999)]


class FormIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ministry's own form (xlsx, xlsm, docx in base64), and the mapping (TOML) of what goes where."""

    form: Annotated[str, msgspec.Meta(description="base64")]
    mapping: str


class FormOut(msgspec.Struct, frozen=True):
    """The form filled, in base64."""

    form: bytes


class OpeningIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new accident: by its first fact, or by ``text``, the contents of a file of facts (CSV or TOML)."""

    title: Title = ""
    fact: Fact | None = None
    text: Annotated[str, msgspec.Meta(max_length=50_000)] = ""


class WithdrawingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fact of the accident at ``revision`` is taken back, counted from 1; it stays on record."""

    number: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    revision: Revision


class SayingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What only people know of the accident at ``revision``; it goes into its documents. All of it is replaced."""

    revision: Revision
    title: Title
    operator: Long = ""
    contact: Long = ""
    place: Long = ""
    overview: Long = ""
    cause: Long = ""
    cause_class: Long = ""
    equipment: Long = ""
    measures: Long = ""
    outlook: Long = ""
    emergency: Long = ""
    substitutes: Long = ""
    other: Long = ""
    reported_at: Long = ""
    wholesale: Long = ""
    addressee: Long = ""
    submitted: Long = ""
    address: Long = ""
    representative: Long = ""
    areas_apart: bool = False
    target_minutes: Minutes | None = None


class DraftingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which document; ``duty`` names the duty that a detailed report answers to."""

    kind: Kind
    language: Language = Language.JA
    duty: Annotated[str, msgspec.Meta(max_length=40)] = ""


class DocumentOut(msgspec.Struct, frozen=True):
    """One version of a document; ``signed_by`` is empty for a draft."""

    kind: str
    version: int
    made: int
    made_by: str
    digest: str
    signed_by: str
    signed_at: int


class DocumentsOut(msgspec.Struct, frozen=True):
    """Every version of every document of an accident, newest first within a kind."""

    accident: AccidentOut
    documents: tuple[DocumentOut, ...]


class FieldOut(msgspec.Struct, frozen=True):
    """One field as the draft has it; ``known`` is told, check or missing."""

    id: str
    label: str
    value: str
    known: str


class DraftOut(msgspec.Struct, frozen=True):
    """One version with its fields; as a file it is at ``/accidents/{id}/{kind}/{version}?format=``, with the same token."""

    document: DocumentOut
    title: str
    language: Language
    fields: tuple[FieldOut, ...]


def _record(asked: Asked) -> AccidentRecord | None:
    return asked.office.console.accidents.accident(asked.part("id"))


def _seen(asked: Asked, revision: int) -> AccidentRecord | None:
    record = _record(asked)
    return msgspec.structs.replace(record, revision=revision) if record else None


def _open(asked: Asked, _query: Any, body: OpeningIn) -> JudgedOut | None:
    desk, zone = asked.office.console.accidents, asked.zone or JAPAN

    def told() -> Told:
        from sekisho.formats.incident_file import read_fact

        if body.fact is None or body.text.strip():
            return told_in(body.text, zone)
        who = asked.who.name if asked.who else ""
        return Told(About(), (read_fact(cells_of(asked, body.fact), who, zone),))

    def made() -> AccidentRecord:
        every = told()
        if body.title.strip():
            every = Told(msgspec.structs.replace(every.about, title=body.title.strip()), every.facts)
        return desk.open(every, actor(asked))

    return judged_out(asked, standing(made))


def _withdraw(asked: Asked, _query: Any, body: WithdrawingIn) -> JudgedOut | None:
    record, desk = _seen(asked, body.revision), asked.office.console.accidents
    if record is None:
        return None
    return judged_out(asked, standing(lambda: desk.withdraw(record, body.number, actor(asked))))


def _say(asked: Asked, _query: Any, body: SayingIn) -> JudgedOut | None:
    record, desk = _seen(asked, body.revision), asked.office.console.accidents
    if record is None:
        return None
    told = record.told()
    details = Details(**{name: getattr(body, name).strip() for name in Details.__struct_fields__})
    about = msgspec.structs.replace(
        told.about, report=details, title=body.title.strip(), areas_apart=body.areas_apart,
        target_minutes=body.target_minutes,
    )  # fmt: skip
    return judged_out(asked, standing(lambda: desk.change(record, Told(about, told.facts), actor(asked))))


def _draft(asked: Asked, _query: Any, body: DraftingIn) -> DraftOut | None:
    record, desk = _record(asked), asked.office.console.accidents
    if record is None:
        return None
    kept = standing(
        lambda: desk.draft(record, body.kind, body.language, asked.zone or JAPAN, actor(asked), body.duty)
    )
    return _draft_out(asked, record, kept.kind, kept.version)


def _documents(asked: Asked, _query: Any, _body: None) -> DocumentsOut | None:
    record = _record(asked)
    if record is None:
        return None
    every = asked.office.console.accidents.documents(record.id)
    return DocumentsOut(accident_out(record), tuple(_document(kept, signed) for kept, signed in every))


def _one(asked: Asked, _query: Any, _body: None) -> DraftOut | None:
    record, number = _record(asked), asked.part("version")
    if record is None or not (number.isascii() and number.isdecimal() and len(number) < len("1000000")):
        return None
    return _draft_out(asked, record, asked.part("kind")[:60], int(number))


def _draft_out(asked: Asked, record: AccidentRecord, kind: str, version: int) -> DraftOut | None:
    found = asked.office.console.accidents.version(record.id, kind, version)
    if found is None:
        return None
    fields = (FieldOut(one.id, one.label, one.value, one.known.value) for one in found.draft.fields)
    return DraftOut(
        _document(found.kept, found.signed), found.draft.title, found.draft.language, tuple(fields)
    )


def _document(kept: DocumentVersion, signed: SignOff | None) -> DocumentOut:
    return DocumentOut(
        kept.kind, kept.version, kept.made, kept.made_by, kept.digest, signed.name if signed else "",
        signed.at if signed else 0,
    )  # fmt: skip


def _fill(asked: Asked, _query: Any, body: FormIn) -> FormOut | None:
    from sekisho.workflows.draft_accident import filled

    number = asked.part("version")
    if not (number.isascii() and number.isdecimal() and len(number) < len("1000000")):
        return None
    found = asked.office.console.accidents.version(asked.part("id"), asked.part("kind")[:60], int(number))
    if found is None:
        return None
    try:
        return FormOut(filled(found.draft, b64decode(body.form, validate=True), body.mapping.encode()))
    except ValueError as error:  # what is not base64 is no form either
        raise ConflictError(
            Text(ja="様式のファイルが読めない", en="the form can't be read"), str(error)
        ) from error
    except DescriptionError as error:
        raise ConflictError(error.what, error.where, error.todo) from error


OPERATIONS = (
    Operation(
        "POST", "/api/v1/accidents", "openAccident", Text(ja="事故を記録し始める", en="Put an accident on record"),
        Permission.WORK, _open, JudgedOut, body=OpeningIn, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/withdrawals", "withdrawAccidentFact", Text(ja="事実を取り消す", en="Withdraw a fact"),
        Permission.WORK, _withdraw, JudgedOut, body=WithdrawingIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/said", "sayOfAccident", Text(ja="人だけが知ることを書く", en="Say what only people know"),
        Permission.WORK, _say, JudgedOut, body=SayingIn, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/accidents/{id}/documents", "listAccidentDocuments", Text(ja="事故の書類の版", en="Versions of an accident's documents"),
        Permission.SEE, _documents, DocumentsOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/documents", "draftAccidentDocument", Text(ja="書類の下書きを作る", en="Draft a document"),
        Permission.WORK, _draft, DraftOut, body=DraftingIn, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/accidents/{id}/documents/{kind}/{version}", "getAccidentDocument", Text(ja="書類の一つの版", en="A version of a document"),
        Permission.SEE, _one, DraftOut, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/documents/{kind}/{version}/form", "fillAccidentForm",
        Text(ja="総務省の様式に書き込む", en="Fill the ministry's own form"), Permission.WORK, _fill, FormOut, body=FormIn, others=(404, 409),
        opens=24_000_000,
    ),
)  # fmt: skip
