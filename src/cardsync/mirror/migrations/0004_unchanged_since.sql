-- REV at first sight, of clients that set it at each edit: what was on the card then is at least that old.

ALTER TABLE contact ADD COLUMN unchanged_since TEXT;
