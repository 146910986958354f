"""The hub's own server: TAXII, feeds, and the public list of members; see ADR 19."""

from __future__ import annotations
