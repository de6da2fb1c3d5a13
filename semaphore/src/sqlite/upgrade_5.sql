-- Version 5: the lock by which a session is seen to live.

-- Which byte of the lock file it keeps locked; none: it could not lock any, or a program of before wrote the row.
ALTER TABLE session ADD COLUMN lock INTEGER;
