-- What sources beside the card said of a contact, and how each source stands.

CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    family TEXT NOT NULL,
    claim TEXT NOT NULL,
    says TEXT NOT NULL,
    stored TEXT NOT NULL,
    suggested TEXT NOT NULL,
    about TEXT NOT NULL,
    likelihood_ratio REAL NOT NULL,
    employer_ratio REAL,
    match REAL NOT NULL,
    first_observed_at TEXT NOT NULL,
    observed_at TEXT NOT NULL,
    happened_at TEXT,
    asserted_at TEXT,
    valid_from TEXT,
    valid_to TEXT,
    url TEXT NOT NULL,
    twice INTEGER NOT NULL,
    UNIQUE (contact_id, source, kind, claim, says, stored, suggested)
) STRICT;

CREATE TABLE source (
    name TEXT PRIMARY KEY,
    cursor TEXT NOT NULL DEFAULT '{}',  -- JSON, the source's own
    month TEXT NOT NULL DEFAULT '',     -- of used
    used INTEGER NOT NULL DEFAULT 0,    -- requests in that month
    last_run TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    not_before TEXT,
    error TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE look (
    source TEXT NOT NULL,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    next_at TEXT NOT NULL,
    shown TEXT NOT NULL,  -- digest of what the source was shown of the card
    told TEXT NOT NULL,   -- the same at the last look that went well, of which the evidence is; or ''
    PRIMARY KEY (source, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE validator (  -- of conditional requests; no page is kept
    source TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    etag TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (source, key_hash)
) STRICT, WITHOUT ROWID;
