-- What the answer to a PUT named, stored before the GET that verifies: proof, later on, that nobody wrote in between.

ALTER TABLE journal ADD COLUMN put_etag TEXT;
