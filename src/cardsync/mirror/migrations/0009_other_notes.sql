-- The texts of the card's other NOTEs when we asked: another client may join them with ours, and what stood there before
-- is no answer.

ALTER TABLE question ADD COLUMN beside TEXT NOT NULL DEFAULT '[]';

-- What the server was seen to have made of a write, until the kept bytes went back.

ALTER TABLE journal ADD COLUMN damaged BLOB;
