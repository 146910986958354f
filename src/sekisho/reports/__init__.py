"""One file per document."""
