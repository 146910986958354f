"""What stands between a link layer's header and IP: EtherTypes (IEEE registry), and how much of it is passed over."""

from __future__ import annotations

IPV4, IPV6 = 0x0800, 0x86DD
#: IEEE 802.1Q, 802.1ad, and the two older numbers for the outer tag.
TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
PPPOE = 0x8864  # RFC 2516, session
MPLS = (0x8847, 0x8848)  # RFC 3032
#: More tags or labels than this are no network's: the packet is not IP then.
MOST_TAGS = MOST_LABELS = 8
