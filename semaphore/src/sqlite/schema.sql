-- Version 1; what later ones changed is in `upgrade_*.sql`.
-- The semaphores of one machine. Times are nanoseconds on the monotonic clock of the boot that wrote them.
-- Numbers of slots: -1 is unlimited.

-- One open store of one process.
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL,
    boot TEXT NOT NULL,
    namespace TEXT NOT NULL,
    host TEXT,
    -- Counts only for those who cannot ask whether the process lives.
    lease INTEGER NOT NULL,
    -- Whether it wants to know what happens.
    observes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX session_observes ON session (id) WHERE observes;

CREATE TABLE semaphore (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- In force, as the code declared as far as it counts, as the code said last.
    slots INTEGER NOT NULL,
    declared INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    -- Busy requests that take a slot; those that do not; those in line.
    taken INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    -- The last ones given out.
    token INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    -- No deadline is earlier.
    due INTEGER NOT NULL,
    -- How many requests have ended: where the next goes in the ring of `ended`.
    ended INTEGER NOT NULL,
    touched INTEGER NOT NULL
);

-- Live requests.
CREATE TABLE request (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    semaphore INTEGER NOT NULL,
    session INTEGER NOT NULL,
    -- 0 waiting, 1 busy on a slot, 2 busy by a grant.
    phase INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    -- Its place: by class, highest first, and then by `place`.
    class INTEGER NOT NULL,
    place BLOB NOT NULL,
    priority INTEGER NOT NULL,
    who TEXT,
    run BLOB,
    host TEXT,
    pid INTEGER,
    ttl INTEGER,
    -- Of the wait while waiting, of the permit while busy.
    deadline INTEGER,
    token INTEGER,
    requested INTEGER NOT NULL,
    started INTEGER
);
CREATE INDEX request_line ON request (semaphore, class DESC, place) WHERE phase = 0;
CREATE INDEX request_busy ON request (semaphore, token) WHERE phase > 0;
CREATE INDEX request_deadline ON request (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX request_due ON request (semaphore, deadline, sequence) WHERE deadline IS NOT NULL;
CREATE INDEX request_session ON request (session);
CREATE INDEX request_run ON request (run) WHERE phase = 0 AND run IS NOT NULL;

-- Requests that ended a moment ago: a ring for each semaphore.
CREATE TABLE ended (
    semaphore INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    status INTEGER NOT NULL,
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
    PRIMARY KEY (semaphore, nth)
) WITHOUT ROWID;

-- What became of requests, for the sessions that made them, when another one decided it.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    verdict INTEGER NOT NULL,
    token INTEGER,
    requested INTEGER,
    started INTEGER,
    detail TEXT
);
CREATE INDEX notice_session ON notice (session, id);

-- What happened, while somebody observes.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    semaphore TEXT NOT NULL,
    uuid BLOB,
    who TEXT,
    run BLOB,
    busy INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    at REAL NOT NULL
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
-- The boot that wrote last, and above all tokens of semaphores that are gone.
INSERT INTO setting VALUES ('boot', ''), ('floor', 0);
