"""The demo's terminals: processes on loopback that speak the real protocols, met like strangers.

`hijackable` is Mirai's idea of a router, `baseline` just meets the law of 2020; the third, the exemplar,
stands in `sekisho.exemplar` and is only ever started as a process. Each tells in `VIRTUES` and `FLAWS` what
is built in, so that tests can compare the assessor's verdicts with the truth. `images` builds update
images for all three, `update_site` serves the exemplar's newest-version page.

These terminals are weak on purpose. They bind the loopback addresses they are given and nothing else.
"""
