"""PyMISP: load a feed as a MISP does. Words: the feed's URL, member, token."""

import json
import sys
from importlib.metadata import version

import requests
from pymisp import MISPEvent

url, member, token = sys.argv[1:4]


def got(name: str) -> requests.Response:
    answer = requests.get(f"{url}{name}", auth=(member, token), timeout=20)
    answer.raise_for_status()
    return answer


manifest = got("manifest.json").json()
events = []
for uuid, told in manifest.items():
    event = MISPEvent()
    event.load(got(f"{uuid}.json").json())
    again = event.to_feed(with_meta=True)["Event"]
    events.append(
        {
            "uuid": event.uuid == uuid, "info": event.info == told["info"], "date": str(event.date) == told["date"],
            "stamp": int(event.timestamp.timestamp()) == int(told["timestamp"]), "published": event.published,
            "tags": [tag.name for tag in event.tags], "organisation": event.Orgc.name == told["Orgc"]["name"],
            "attributes": sorted([one.type, one.value, one.to_ids, one.category] for one in event.attributes),
            "hashes": sorted(again["_hashes"]), "manifest": sorted(again["_manifest"][uuid]),
        }
    )  # fmt: skip
hashes = sorted(line.split(",")[0] for line in got("hashes.csv").text.split())
print(
    json.dumps(
        {
            "version": version("pymisp"),
            "events": events,
            "hashes": hashes,
            "told": sorted(*[list(one) for one in manifest.values()]),
        }
    )
)
