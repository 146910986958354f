"""Signing in at a terminal: web forms, Basic, Digest, JSON, telnet and SSH, within a budget of wrong logins."""

from sekisho.wires.access.live import LiveAccess as LiveAccess
