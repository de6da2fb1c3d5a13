-- Version 8: a hand-over writes fewer pages.

-- The line and those who are busy in one index: a request that is admitted moves within it.
DROP INDEX request_line;
DROP INDEX request_busy;
CREATE INDEX request_place ON request (semaphore, phase, class DESC, place);

-- By this the session knows that a message in its pipe is for it: see `message.rs`. None: it reads notices only, as the
-- sessions of programs of before do.
ALTER TABLE session ADD COLUMN secret BLOB;
