-- Version 4: runs that do not answer.

-- Since when the request's run does not answer; none while it does.
ALTER TABLE request ADD COLUMN unresponsive INTEGER;
