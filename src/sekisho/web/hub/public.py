"""The one page that needs no token: who the hub is, and the list of its members (特定会員名簿)."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sekisho.model.membership import Member, MemberRole, MemberState


def members_page(title: str, contact: str, members: Iterable[Member]) -> str:
    """Return the page in both languages: full members always stand on it, others when they want to."""
    listed = [
        one
        for one in members
        if one.state is MemberState.ACTIVE and (one.listed or one.role is MemberRole.FULL)
    ]
    rows = "".join(
        f"<tr><td>{escape(one.name_ja)}</td><td lang=en>{escape(one.name_en)}</td>"
        f"<td>{'特定会員 / full' if one.role is MemberRole.FULL else escape(one.role.value)}</td></tr>"
        for one in listed
    )
    table = (
        f"<table><thead><tr><th>名称</th><th lang=en>Name</th><th>種別 / Role</th></tr></thead><tbody>{rows}</tbody></table>"
        if listed
        else "<p>まだ会員はいない。 <span lang=en>There are no members yet.</span></p>"
    )
    reach = f"<p>連絡先 / <span lang=en>Contact</span>: {escape(contact)}</p>" if contact else ""
    return (
        '<!doctype html><html lang=ja><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)}</title></head><body><main><h1>{escape(title)}</h1>"
        f"<h2>会員名簿 / <span lang=en>Members</span></h2>{table}{reach}</main></body></html>"
    )
