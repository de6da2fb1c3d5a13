-- What a client knows of the data set, kept in the key 1: `id|when it was found to be lost|longest lease`.
-- ARGV: the id that the client knew, or nothing; a new one; its lease; how long the server must be up.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local known, new, lease = ARGV[1], ARGV[2], ARGV[3] + 0
local mark = redis.call('GET', KEYS[1])
local id, lost, longest = nil, 0, 0
if mark then
  id, lost, longest = string.match(mark, '^([^|]*)|(%d+)|(%d+)$')
  lost, longest = lost + 0, longest + 0
  if known ~= '' and known ~= id and lost == 0 then lost = now end
elseif known ~= '' then
  id, lost = new, now
else
  -- Empty, as if it had never been used. If it has just been started, those who used it before must have the time
  -- to say so.
  local up = string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')
  if up and up + 0 < ARGV[4] + 0 then return {'', 0, 0} end
  id = new
end
if lease > longest then longest = lease end
local new_mark = id .. '|' .. string.format('%.0f|%.0f', lost, longest)
if new_mark ~= mark then redis.call('SET', KEYS[1], new_mark) end
return {id, lost == 0 and 0 or lost + longest, now}
