"""Pull: the server's address books into the mirror."""
