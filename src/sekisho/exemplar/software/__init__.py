"""The terminal's software: the signed image, the two slots, and which version is the newest."""
