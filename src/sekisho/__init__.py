"""Sekisho (関所): a checkpoint between terminal equipment and the network."""

__version__ = "0.1.0"
