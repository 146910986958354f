"""Notices as documents: words from templates, and one pure renderer for each way that a notice goes out.

The words (`wording`) are what a person approves. A renderer adds who it goes to and nothing else.
"""

from __future__ import annotations
