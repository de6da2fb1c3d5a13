-- KEYS of a script that administrators run: 1 to 6 as above, 7 the audit; unless in a cluster: 8 the mark of the data set,
-- 9 the names of all, 10 the names of all that have an audit.
local audit_key, audited_key = KEYS[7], KEYS[10]
mark_key, names_key = KEYS[8], KEYS[9]
