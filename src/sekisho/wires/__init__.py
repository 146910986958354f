"""The only sockets towards terminals, and their recorded twins."""
