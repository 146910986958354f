"""One file per hot path, beside its named peer; each prints a ratio (> 1: Sekisho is better)."""
