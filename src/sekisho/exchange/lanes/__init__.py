"""The schemas of the hub's lanes, by whitelist: what a lane doesn't name, it doesn't take.

The lanes follow 電気通信事業法 116条の2: the *list* names servers that command and nothing about anybody who was seen with
them; the *evidence* names who sent what to whom, and is delivered to one carrier alone; a *failure* says what is down.
"""

from __future__ import annotations
