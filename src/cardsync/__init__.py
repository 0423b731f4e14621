"""cardsync asks, in a contact's own note, whether the work details on the card are still right."""

__version__ = "0.1.0"
