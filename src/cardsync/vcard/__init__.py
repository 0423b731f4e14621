"""Cards as their bytes: scanning, the one edit of the note, and what the decisions read of them (RFC 6350, RFC 2426)."""
