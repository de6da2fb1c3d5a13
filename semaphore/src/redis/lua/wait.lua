-- What a run waits for, in the key 1, each with since when it waits or, if others have ended since, since when this is
-- all that it waits for. ARGV: since when, or nothing when the wait is over; its name; how many seconds to remember it.
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000000 + t[2])
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
elseif redis.call('ZREM', KEYS[1], ARGV[2]) == 1 then
  local left = redis.call('ZRANGE', KEYS[1], 0, 1)
  if #left == 1 then redis.call('ZADD', KEYS[1], now, left[1]) end
end
return 1
