-- What the owner was told, and when: no alarm comes twice a day.

CREATE TABLE told (
    alarm TEXT PRIMARY KEY,
    at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
