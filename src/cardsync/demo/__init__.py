"""What ``cardsync demo`` shows the loop on: a server, an address book and a phone, all invented."""
