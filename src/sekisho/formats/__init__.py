"""Wire grammars without opinions: bytes in, values out; no sockets, no clock."""
