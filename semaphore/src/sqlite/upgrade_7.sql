-- Version 7: long lines are counted, so that a place in one is found without a walk through it. See `line.rs`.

-- A section of a line: all that waits from its start up to the start of the next section of its level. A section of a
-- higher level begins where one of the level below begins. The first of each level begins before every request.
CREATE TABLE line_section (
    id INTEGER PRIMARY KEY,
    semaphore INTEGER NOT NULL,
    -- 1, with the shorter sections, or 2.
    level INTEGER NOT NULL,
    -- Where it starts: `rank` is `-class`, so that both columns grow along the line.
    rank INTEGER NOT NULL,
    place BLOB NOT NULL,
    waiting INTEGER NOT NULL
);
CREATE UNIQUE INDEX line_section_start ON line_section (semaphore, level, rank, place);

-- The counts are kept here and not in the program, because processes of an older version, which do not know of sections,
-- may still have the file open.
CREATE TRIGGER line_section_joined AFTER INSERT ON request
WHEN new.phase = 0 AND EXISTS (SELECT 1 FROM line_section WHERE semaphore = new.semaphore)
BEGIN
    UPDATE line_section SET waiting = waiting + 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = new.semaphore AND level = 1 AND (rank, place) <= (-new.class, new.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
    UPDATE line_section SET waiting = waiting + 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = new.semaphore AND level = 2 AND (rank, place) <= (-new.class, new.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
END;

CREATE TRIGGER line_section_left AFTER DELETE ON request
WHEN old.phase = 0 AND EXISTS (SELECT 1 FROM line_section WHERE semaphore = old.semaphore)
BEGIN
    UPDATE line_section SET waiting = waiting - 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = old.semaphore AND level = 1 AND (rank, place) <= (-old.class, old.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
    UPDATE line_section SET waiting = waiting - 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = old.semaphore AND level = 2 AND (rank, place) <= (-old.class, old.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
END;

-- A request that moves leaves one place and joins another.
CREATE TRIGGER line_section_changed_from AFTER UPDATE OF phase, class, place ON request
WHEN old.phase = 0 AND EXISTS (SELECT 1 FROM line_section WHERE semaphore = old.semaphore)
BEGIN
    UPDATE line_section SET waiting = waiting - 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = old.semaphore AND level = 1 AND (rank, place) <= (-old.class, old.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
    UPDATE line_section SET waiting = waiting - 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = old.semaphore AND level = 2 AND (rank, place) <= (-old.class, old.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
END;

CREATE TRIGGER line_section_changed_to AFTER UPDATE OF phase, class, place ON request
WHEN new.phase = 0 AND EXISTS (SELECT 1 FROM line_section WHERE semaphore = new.semaphore)
BEGIN
    UPDATE line_section SET waiting = waiting + 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = new.semaphore AND level = 1 AND (rank, place) <= (-new.class, new.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
    UPDATE line_section SET waiting = waiting + 1 WHERE id = (
        SELECT id FROM line_section
        WHERE semaphore = new.semaphore AND level = 2 AND (rank, place) <= (-new.class, new.place)
        ORDER BY rank DESC, place DESC LIMIT 1
    );
END;
