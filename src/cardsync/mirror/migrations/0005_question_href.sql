-- The card on which a question was asked: on another one of its contact only the whole block can be ours.

ALTER TABLE question ADD COLUMN href TEXT NOT NULL DEFAULT '';
UPDATE question SET href = ifnull((SELECT j.href FROM journal j WHERE j.opens = question.id ORDER BY j.id LIMIT 1), '');
