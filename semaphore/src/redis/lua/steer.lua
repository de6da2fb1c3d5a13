-- What administrators do to a waiting request, or, to take its slot, to a busy one. Answers with its status if it is not so, with nothing if
-- it is not known here. ARGV: 2 the command, 3 the request, 4 what more there is to say, 5 who gives it, 6 and 7 how many
-- entries of the audit are kept, and for how many seconds.
local what, id = ARGV[2], ARGV[3]
advance()
local row = exists and call('HGET', KEYS[2], id)
if what == 'release' then
  local busy = exists and call('HGET', KEYS[1], id)
  if not busy then
    local status = row and 'waiting' or exists and fate(id)
    save()
    return status
  end
  local r, before = busy_record(busy), audited()
  actor = ARGV[5]
  end_by_force(id, r, 'force_released')
  settle()
  save()
  audit(what, id, 1, before, audited(), r.blob, ARGV[6] + 0, ARGV[7] + 0)
  return 'ok'
end
if not row then
  local status = exists and (call('HEXISTS', KEYS[1], id) == 1 and 'busy' or fate(id))
  save()
  return status
end
local r = waiting_record(row)
local function place_of() return call('ZRANK', KEYS[3], r.key .. '!' .. id) + 1 end
local before = audited(what == 'move' and place_of())
if what ~= 'refuse' then
  actor = ARGV[5]
  note_actor(id)
end

-- A key between two neighbours: as digits after a decimal point, the shortest number halfway. None ends in 0, so
-- there always is one.
local function between(a, b)
  local key, i, below = '', 1, false
  while i <= #a or i <= #b or below do
    local x = tonumber(string.sub(a, i, i)) or 0
    local y = below and 10 or tonumber(string.sub(b, i, i)) or 0
    if y - x > 1 then return key .. math.floor((x + y) / 2) end
    key = key .. x
    if y > x then below = true end
    i = i + 1
  end
  -- The two are the same: then their ids decide, and so will this one's.
  return a
end

if what == 'grant' then
  start_waiting(id, r, true)
elseif what == 'cancel' then
  end_waiting(id, r, 'cancelled', 'cancelled')
  send(r.session, 'c|' .. id)
  settle()
elseif what == 'refuse' then
  end_waiting(id, r, 'cancelled', 'deadlocked')
  send(r.session, 'x|' .. id .. '|' .. ARGV[4])
  settle()
else
  call('ZREM', KEYS[3], r.key .. '!' .. id)
  local place = math.min(ARGV[4] - 1, wc - 1)
  local before = call('ZRANGE', KEYS[3], place, place, 'WITHSCORES')
  local after = place > 0 and call('ZRANGE', KEYS[3], place - 1, place - 1, 'WITHSCORES') or {}
  local class = before[2] or after[2] or str(0 - r.priority)
  if before[1] then
    local next_key = string.sub(before[1], 1, -34)
    if after[1] and after[2] + 0 == class + 0 then
      r.key = between(string.sub(after[1], 1, -34), next_key)
    else
      r.key = str(string.sub(next_key, 1, 16) - 1) .. '5'
    end
  else
    seq = seq + 1
    r.key = str(seq) .. '5'
  end
  call('ZADD', KEYS[3], class, r.key .. '!' .. id)
  call('HSET', KEYS[2], id, waiting_row(r))
  tell('moved', id, r.blob)
  send(r.session, 'm|' .. id .. '|' .. r.key .. '|' .. class)
end
save()
if what ~= 'refuse' then
  local after = audited(what == 'move' and place_of())
  if what ~= 'move' or before ~= after then
    audit(what, id, 1, before, after, r.blob, ARGV[6] + 0, ARGV[7] + 0)
  end
end
return 'ok'
