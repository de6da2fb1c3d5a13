-- Version 3: who steered, the audit, and a longer history.
-- Administrators are written as JSON: [login, host, program].

ALTER TABLE request ADD COLUMN steered_by TEXT;
ALTER TABLE event ADD COLUMN steered_by TEXT;
ALTER TABLE ended ADD COLUMN steered_by TEXT;
-- The time of its end on the wall's clock, in seconds since 1970. None: a program of before wrote the row.
ALTER TABLE ended ADD COLUMN at REAL;

-- Commands that changed something. The states before and after are JSON.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    actor TEXT,
    command TEXT NOT NULL,
    semaphore TEXT NOT NULL,
    uuid BLOB,
    who TEXT,
    before TEXT,
    after TEXT,
    hits INTEGER NOT NULL
);
CREATE INDEX audit_semaphore ON audit (semaphore, id);

-- Requests that ended longer ago. Whenever the ring of `ended` has gone round, its rows become one row here: so the end of
-- a request costs what it did before, but for one in a round.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    semaphore INTEGER NOT NULL,
    -- When the last of them ended.
    at REAL NOT NULL,
    -- At most as many as the ring has, the oldest first, as JSON: see `records.rs`.
    requests TEXT NOT NULL
);
CREATE INDEX history_semaphore ON history (semaphore, id);
