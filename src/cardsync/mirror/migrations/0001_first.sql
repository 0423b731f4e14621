-- Times are ISO 8601 in UTC, so that they sort as text; lists are JSON arrays.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    name TEXT PRIMARY KEY,
    discovered_at TEXT,
    refused_key TEXT,          -- what the login was refused for: salted hash of address, user and secret
    not_before TEXT,           -- 429, 503 and back-off, remembered across restarts
    failures INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE address_book (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    href TEXT NOT NULL,
    display_name TEXT NOT NULL,
    method TEXT NOT NULL,
    writable INTEGER NOT NULL,
    read_only_reason TEXT NOT NULL,
    max_resource_size INTEGER,
    may_convert INTEGER NOT NULL,
    present INTEGER NOT NULL DEFAULT 1,   -- 0: discovery does not show it any more
    marker TEXT,               -- sync token or ctag; stored in the transaction that stores what it stands for
    listed_at TEXT,
    exported_at TEXT,
    exact INTEGER,
    UNIQUE (account, href)
) STRICT;

CREATE TABLE address_object (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    href TEXT NOT NULL,
    etag TEXT,
    uid_key TEXT NOT NULL,
    is_group INTEGER NOT NULL,
    categories TEXT NOT NULL DEFAULT '[]',
    UNIQUE (book_id, href)
) STRICT;
CREATE INDEX address_object_by_uid ON address_object (book_id, uid_key);
CREATE INDEX address_object_groups ON address_object (book_id) WHERE is_group = 1;
CREATE INDEX address_object_categories ON address_object (book_id) WHERE categories <> '[]';

-- raw bytes, apart from the listing so that it stays small to scan
CREATE TABLE card (
    object_id INTEGER PRIMARY KEY REFERENCES address_object (id) ON DELETE CASCADE,
    data BLOB NOT NULL,
    seen INTEGER NOT NULL      -- 0: a change that the history does not know yet
) STRICT;

CREATE TABLE vip (
    book_id INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    uid_key TEXT NOT NULL,
    groups TEXT NOT NULL,      -- names as in the config
    PRIMARY KEY (book_id, uid_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    uid_key TEXT NOT NULL,
    name TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    changed_at TEXT,           -- by the user, never by us
    pause TEXT,
    not_before TEXT,
    dismissals INTEGER NOT NULL DEFAULT 0,
    left_at TEXT,
    assessed_at TEXT,
    assessment TEXT,           -- JSON
    UNIQUE (book_id, uid_key)
) STRICT;

CREATE TABLE work_field (
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    keys TEXT NOT NULL,        -- normal forms; only a change of these is an edit
    shown TEXT NOT NULL,       -- the values as the card shows them
    first_seen TEXT NOT NULL,
    changed_at TEXT,
    previous TEXT NOT NULL DEFAULT '[]',
    validated_at TEXT,
    PRIMARY KEY (contact_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    what TEXT NOT NULL,
    field TEXT,
    old TEXT,
    new TEXT
) STRICT;
CREATE INDEX history_by_contact ON history (contact_id, at);

CREATE TABLE question (
    id INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    slots TEXT NOT NULL,
    block TEXT NOT NULL,
    user_text TEXT NOT NULL,
    position TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    counted INTEGER NOT NULL,  -- 1: a new question that uses the budget
    adopted INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,       -- intended, open, ended
    standing INTEGER NOT NULL, -- 1: the block is on the card
    ending TEXT,
    ended_at TEXT
) STRICT;
CREATE UNIQUE INDEX question_one_standing ON question (contact_id) WHERE standing = 1;
CREATE INDEX question_by_contact ON question (contact_id, asked_at);
CREATE INDEX question_by_date ON question (asked_at) WHERE counted = 1;

CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    href TEXT NOT NULL,
    uid_key TEXT NOT NULL,
    etag TEXT,
    data BLOB NOT NULL,
    at TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
CREATE INDEX version_by_object ON version (book_id, uid_key, at);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    href TEXT NOT NULL,
    contact_id INTEGER REFERENCES contact (id) ON DELETE CASCADE,
    etag TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    opens INTEGER REFERENCES question (id) ON DELETE SET NULL,
    removes INTEGER REFERENCES question (id) ON DELETE SET NULL,
    at TEXT NOT NULL,
    state TEXT NOT NULL,       -- intent, verified, abandoned
    outcome TEXT
) STRICT;
CREATE INDEX journal_pending ON journal (id) WHERE state = 'intent';

CREATE TABLE problem (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    book_id INTEGER REFERENCES address_book (id) ON DELETE CASCADE,
    href TEXT NOT NULL DEFAULT '',
    etag TEXT,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    since TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX problem_once ON problem (kind, account, ifnull(book_id, 0), href);

-- what the command line asks of a running daemon
CREATE TABLE command (
    id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,
    arguments TEXT NOT NULL,   -- JSON object
    at TEXT NOT NULL,
    done_at TEXT
) STRICT;

CREATE TABLE cycle (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    report TEXT                -- JSON
) STRICT;
