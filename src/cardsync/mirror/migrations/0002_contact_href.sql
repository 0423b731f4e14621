-- The + keeps SQLite from walking the whole book in the order of its hrefs, once for each contact.
-- Of two address objects with one UID the contact is the one that we knew first, as long as it is there.

ALTER TABLE contact ADD COLUMN href TEXT NOT NULL DEFAULT '';
UPDATE contact SET href = ifnull(
    (SELECT min(+o.href) FROM address_object o
     WHERE o.book_id = contact.book_id AND o.uid_key = contact.uid_key AND o.is_group = 0), '');
