-- What a client knows of the data set, kept in the key 1: `id|when it was found to be lost|longest lease`.
-- ARGV: the id that the client knew, or nothing; a new one; its lease; how long the server must be up; 1 if the client
-- has waited for that long.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local known, new, lease = ARGV[1], ARGV[2], ARGV[3] + 0
local mark = redis.pcall('GET', KEYS[1])
local id, lost, longest = nil, nil, nil
-- What something else wrote there is as good as nothing.
if type(mark) == 'string' then id, lost, longest = string.match(mark, '^([^|]*)|(%d+)|(%d+)$') end
if id then
  lost, longest = lost + 0, longest + 0
  if known ~= '' and known ~= id and lost == 0 then lost = now end
elseif known ~= '' then
  id, lost, longest = new, now, 0
else
  lost, longest = 0, 0
  -- Empty, as if it had never been used. If it has just been started, those who used it before must have the time
  -- to say so.
  if ARGV[5] ~= '1' then
    -- A user may have no right to ask that. Then the client waits for as long once, and asks again.
    local info = redis.pcall('INFO', 'server')
    local up = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
    if type(info) == 'table' or up and up + 0 < ARGV[4] + 0 then return {'', 0, 0} end
  end
  id = new
end
if lease > longest then longest = lease end
local new_mark = id .. '|' .. string.format('%.0f|%.0f', lost, longest)
if new_mark ~= mark then redis.call('SET', KEYS[1], new_mark) end
return {id, lost == 0 and 0 or lost + longest, now}
