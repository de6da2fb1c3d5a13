-- Version 6: requests that were ended by force, for as long as their work goes on.

-- A row goes when the permit is dropped, or with its session.
CREATE TABLE outlived (
    uuid BLOB PRIMARY KEY,
    session INTEGER NOT NULL,
    semaphore INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    who TEXT,
    run BLOB,
    host TEXT,
    pid INTEGER,
    token INTEGER,
    requested INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER NOT NULL,
    slot TEXT,
    steered_by TEXT
) WITHOUT ROWID;
CREATE INDEX outlived_session ON outlived (session);
CREATE INDEX outlived_semaphore ON outlived (semaphore);
