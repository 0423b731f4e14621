-- When a cycle of the account last ended well: the reports of cycles are kept for some days only.

ALTER TABLE account ADD COLUMN synced_at TEXT;
UPDATE account SET synced_at = (SELECT max(finished_at) FROM cycle);
