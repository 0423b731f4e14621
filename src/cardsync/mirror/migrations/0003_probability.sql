-- What was said when a question was asked, so that the answer can be held against it.

ALTER TABLE question ADD COLUMN probability REAL;
