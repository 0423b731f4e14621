"""Annotate: questions into notes, and answers out of them."""
