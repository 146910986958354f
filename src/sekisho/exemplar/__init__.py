"""The exemplar: a small, complete terminal that does it right; for makers to read and to port.

It meets the articles in force (端末設備等規則 第34条の10, profile `jp-2020`) and the proposal of the 2025
committee report (`jp-2025-report`, not law). It needs Python and `cryptography`, imports nothing of the
rest of Sekisho, and nothing of Sekisho imports it: the assessor meets it over the network, like any other.

Read it in this order:

| room | what it holds | duty |
|---|---|---|
| `storage` | files that survive a power cut at any instant | JP20-4 |
| `settings` | the owner's one document; the factory's record | JP20-4 |
| `access/` | codes, policy, sessions, the brake on guessing, passkeys | JP20-1, JP20-2, JP25-2a…2e |
| `software/` | signed image, two slots, newest version, the maker's tools | JP20-3, JP25-3a, JP25-3b |
| `terminal` | everything that can be done with the terminal | all |
| `web/` | bounded server, gate (deny by default), JSON API, pages in Japanese and English | JP20-1, JP25-5 |

`docs/10-assess/exemplar.md` leads from each duty to the lines that meet it. Try it:

    python -m sekisho.exemplar keygen --key maker.key --public maker.pub
    python -m sekisho.exemplar sign --key maker.key --version 1.0.0 --payload app --out app.img
    python -m sekisho.exemplar factory --state unit --serial A1 --trust maker.pub --image app.img
    python -m sekisho.exemplar --state unit --lan 127.0.0.1 --port 8080

What it leaves to the maker's platform: TLS with a name and certificate (the pages speak plain HTTP on the
LAN; a passkey needs HTTPS, or `localhost` as here), the boot loader's counter of failed starts, packet
forwarding itself. `VIRTUES` and `FLAWS` say what is built in, for the tests of the assessor.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VIRTUES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "settings_guarded_on_every_path": True,
        "preset_code_unique_per_unit": True,
        "preset_code_derivable_from_public_data": False,
        "change_prompted_at_first_use": True,
        "change_forced_at_first_use": True,
        "first_use_bypass_exists": False,
        "same_password_refused": True,
        "weak_password_refused": True,
        "passkey": True,
        "login_delay": True,
        "login_lock": True,
        "throttle_holds_in_parallel": True,
        "throttle_holds_across_sources": True,
        "throttle_holds_over_reboot": True,
        "owner_can_be_locked_out": False,
        "update_works": True,
        "update_authenticity_checked": True,
        "update_integrity_checked": True,
        "downgrade_refused": True,
        "newest_version_on_device": True,
        "newest_version_on_web": True,
        "settings_kept_over_power_cut": True,
        "version_kept_over_power_cut": True,
        "telnet": False,
        "ssdp": False,
        "undeclared_port": False,
        "wan_listener": False,
    }
)
FLAWS: Final[tuple[str, ...]] = ()
