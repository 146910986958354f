"""The one page that needs no token: who the hub is, and the list of its members (特定会員名簿)."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sekisho.model.membership import Member, MemberRole, MemberState

_HEAD = (
    '<!doctype html><html lang="ja" data-theme="auto"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="icon" href="/static/mark.svg"><link rel="stylesheet" href="/static/console.css">'
)


def members_page(title: str, contact: str, members: Iterable[Member]) -> str:
    """Return the page in both languages: full members always stand on it, others when they want to."""
    listed = [
        one
        for one in members
        if one.state is MemberState.ACTIVE and (one.listed or one.role is MemberRole.FULL)
    ]
    rows = "".join(
        f'<tr><td>{escape(one.name_ja)}</td><td lang="en">{escape(one.name_en)}</td><td>{_role(one.role)}</td></tr>'
        for one in listed
    )
    table = (
        '<div class="card"><table><thead><tr><th>名称</th><th lang="en">Name</th><th>種別 <span lang="en">Role</span></th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
        if listed
        else '<p>まだ会員はいない。 <span lang="en">There are no members yet.</span></p>'
    )
    reach = f'<p>連絡先 <span lang="en">Contact</span>：{escape(contact)}</p>' if contact else ""
    about = (
        '<p>通信事業者が、契約者を明かさずに脅威の情報を共有する場。プロトコルは TAXII 2.1。</p><p lang="en">Where carriers '
        "share what they see without telling whom they serve, by TAXII 2.1.</p>"
    )
    return (
        f"{_HEAD}<title>{escape(title)}</title></head><body><main><h1>{escape(title)}</h1>{about}"
        f'<h2>会員名簿 <span lang="en">Members</span></h2>{table}{reach}</main></body></html>'
    )


def _role(role: MemberRole) -> str:
    words = {
        MemberRole.FULL: ("特定会員", "full"), MemberRole.RECEIVE_ONLY: ("受信専用", "receive-only"),
        MemberRole.MAKER: ("製造者", "maker"), MemberRole.PARTNER: ("連携先", "partner"),
    }  # fmt: skip
    ja, en = words[role]
    return f'{ja} <span lang="en">{en}</span>'
