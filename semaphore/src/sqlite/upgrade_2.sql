-- Version 2: slot ids.

ALTER TABLE request ADD COLUMN slot TEXT;
ALTER TABLE ended ADD COLUMN slot TEXT;
-- An id holds at most one slot.
CREATE UNIQUE INDEX request_slot ON request (semaphore, slot) WHERE phase > 0 AND slot IS NOT NULL;

-- Sessions with permits of a request that another session made with the same slot id.
CREATE TABLE share (
    uuid BLOB NOT NULL,
    session INTEGER NOT NULL,
    PRIMARY KEY (uuid, session)
) WITHOUT ROWID;
CREATE INDEX share_session ON share (session);
