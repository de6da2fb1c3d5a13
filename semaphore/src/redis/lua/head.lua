-- KEYS, of one semaphore: 1 its state and its busy requests, 2 its waiting requests, 3 its line, 4 its deadlines,
-- 5 what ended, 6 its sessions' leases; unless in a cluster: 7 the mark of the data set, 8 the names of all.
local mark_key, names_key = KEYS[7], KEYS[8]
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000000 + t[2]
