"""What the law asks besides: a form that is sent as it is shown changes nothing of what is on record."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from fakes.console import Browser
from sekisho.model.accident_record import Told
from sekisho.model.account import Role
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service, Threat
from sekisho.model.timeline import About, Fact, What
from sekisho.web.office import Office

#: Days under the rules without such a duty, under the first ones, and under those of now.
DAYS = tuple(datetime(*day, 10, tzinfo=UTC) for day in ((2022, 5, 10), (2025, 5, 10), (2026, 5, 10)))
SAID = (
    Threat(events=("fire", "over-capacity", "wrong-configuration"), carrier_users=50_000),
    Threat(events=(), terminal_side=False),
    Threat(carrier_users=50_000, expected=True),
)


def shown(page: str) -> dict[str, str]:
    """Return what a browser would send of the form."""
    form = page.partition('/answers"')[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        named = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if named.get("type") != "checkbox" or tag.rstrip(">").rstrip().endswith("checked"):
            found[named["name"]] = unescape(named.get("value", ""))
    for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


@pytest.mark.parametrize("threat", SAID)
def test_a_form_sent_as_it_is_shown_drops_nothing(office: Office, browser: Browser, threat: Threat) -> None:
    desk, sender = office.console.accidents, browser(Role.SENDER)
    for begin in DAYS:
        facts = (
            Fact(begin, What.DOWN, "1", Service.INTERNET, users_least=10, users_most=10),
            Fact(begin + timedelta(hours=1), What.RESTORED, "2", Service.INTERNET),
        )
        about = About(title="火災", leaks=(), stopped_business=False, threat=threat)
        record = desk.open(Told(about, facts), Actor("甲", "analyst"))
        before = record.told().about
        sent = shown(sender.get(f"/accidents/{record.id}").text)
        assert sender.post(f"/accidents/{record.id}/answers", data=sent).status_code == 303
        after = desk.accident(record.id)
        assert after
        assert after.revision == record.revision + 1
        assert after.told().about == before, begin
