-- Whether the card was looked through for a block that no question stands for: what a crash or a frozen book put off
-- is made up for, and so is what an older version passed over.

ALTER TABLE card ADD COLUMN searched INTEGER NOT NULL DEFAULT 0;
