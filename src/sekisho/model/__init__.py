"""The nouns: frozen, slotted values without I/O, clock or randomness."""
