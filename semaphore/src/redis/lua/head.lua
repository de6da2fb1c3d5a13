-- KEYS, of one semaphore: 1 its state and its busy requests, 2 its waiting requests, 3 its line, 4 its deadlines,
-- 5 what ended, 6 its sessions' leases; unless in a cluster: 7 the mark of the data set, 8 the names of all.
local mark_key, names_key = KEYS[7], KEYS[8]
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000000 + t[2]
-- Events are published while there is a listener. To ask that costs as much as to publish. So a semaphore notes, in `qu`, that
-- there is none, for a second. A session that begins to listen removes that note everywhere: see `publish_again` in `session/replies.rs`.
local SILENCE = 1000000
local function has_no_listener()
  -- In a cluster, this node does not know who listens at others. A user may have no right to ask.
  if not mark_key then return false end
  return redis.pcall('PUBSUB', 'NUMSUB', ARGV[1] .. ':e')[2] == 0
end
