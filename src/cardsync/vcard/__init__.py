"""Cards as their bytes: the scan, the one edit of the note, and what the decisions read (RFC 6350, RFC 2426)."""
