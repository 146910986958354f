"""One file per question put to a terminal."""
