"""stix2: its TAXII store puts an object in and finds it again. Words: collection's URL, member, token."""

import json
import sys

import stix2
from taxii2client.v21 import Collection

url, member, token = sys.argv[1:4]
collection = Collection(url, user=member, password=token)
made = stix2.Indicator(
    pattern="[ipv4-addr:value = '198.51.100.9']", pattern_type="stix", valid_from="2026-11-18T10:00:00Z",
    created="2026-11-18T10:00:00Z", modified="2026-11-18T10:00:00Z", object_marking_refs=[stix2.TLP_GREEN],
)  # fmt: skip
sink, source = stix2.TAXIICollectionSink(collection), stix2.TAXIICollectionSource(collection)
sink.add(made)
later = made.new_version(name="changed", modified="2026-11-18T11:00:00Z")
sink.add(
    [
        later,
        stix2.Malware(
            name="m", is_family=False, created="2026-11-18T10:00:00Z", modified="2026-11-18T10:00:00Z"
        ),
    ]
)
same = source.get(made.id)
found = source.query([stix2.Filter("type", "=", "indicator"), stix2.Filter("id", "=", made.id)])
print(
    json.dumps(
        {
            "version": stix2.__version__,
            "same": same == later,
            "versions": [one.get("name", "") for one in source.all_versions(made.id)],
            "found": [one.id == made.id for one in found],
            "types": sorted({one.type for one in stix2.TAXIICollectionStore(collection).query([])}),
            "nothing": source.get("indicator--00000000-0000-4000-8000-000000000000") is None,
        }
    )
)
