-- By which keys of the card a source found what it said: digests, apart by blanks.

ALTER TABLE look ADD COLUMN keys TEXT NOT NULL DEFAULT '';
