-- Version 9: runs that wait for the end of a run that waits in line. See `transitions/deadlock.rs`.

-- The runs that a request in line holds up beside its own, the nearest first.
CREATE TABLE dependent (
    request INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    run BLOB NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (request, nth)
) WITHOUT ROWID;
CREATE INDEX dependent_run ON dependent (run);

-- Processes of an older version, which may still have the file open, end requests as well.
CREATE TRIGGER dependent_left AFTER DELETE ON request
WHEN old.phase = 0 AND old.run IS NOT NULL
BEGIN
    DELETE FROM dependent WHERE request = old.id;
END;

CREATE TRIGGER dependent_started AFTER UPDATE OF phase ON request
WHEN old.phase = 0 AND new.phase <> 0 AND old.run IS NOT NULL
BEGIN
    DELETE FROM dependent WHERE request = old.id;
END;
