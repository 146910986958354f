"""One file per room of the console; each holds a ``PAGE`` and knows nothing of the others."""
