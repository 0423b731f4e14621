"""Sources of evidence beside the card, and the one client that they may use."""
