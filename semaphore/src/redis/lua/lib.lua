-- The transitions of `queue.rs`, in its words. Beware of large numbers: only `%.0f` prints all their digits.
local NEVER = 9000000000000000
local HOUR = 3600000000
local DAY = 86400

local function str(x) return string.format('%.0f', x) end
local stamp = str(now)

local f = call('HMGET', KEYS[1], 'n', 'dc', 'wt', 'pn', 'tk', 'bz', 'wc', 'tok', 'seq', 'due', 'gd', 'bn', 'xp', 'st', 'qu')
local exists = f[1] and true or false
-- Slots in force, declared, wanted (-1 is unlimited); whether they are pinned.
local n, dc, wt, pn = f[1] or '1', f[2] or '1', f[3] or '1', f[4] == '1'
-- Slots taken; how many are busy, wait.
local tk, bz, wc = (f[5] or 0) + 0, (f[6] or 0) + 0, (f[7] or 0) + 0
-- The last token; the last number of the line; no deadline or lease ends before `due`; no request is
-- admitted before `guard`; when this semaphore came into being; when its keys' expiry is next looked at.
local token, seq, due = (f[8] or now) + 0, (f[9] or now) + 0, (f[10] or NEVER) + 0
local guard, birth, expiry = (f[11] or 0) + 0, (f[12] or now) + 0, (f[13] or 0) + 0
-- How many notes are kept beside live requests (who steered them, since when their run does not answer): nearly always
-- none, and then nothing is looked up at their end.
local notes = (f[14] or 0) + 0
-- Until when it is known that there is no listener.
local quiet = (f[15] or 0) + 0
-- Who gives the command, while an administrator does; as it is kept.
local actor = ''

-- A key that comes and goes may have to expire with its semaphore, but never before it.
local function fresh(key)
  if not pn then call('EXPIRE', KEYS[key], 2 * DAY) end
end

-- What is kept beside a request, as programs of before read its row. Longer than an id, both.
local STEERED = 'the administrator who steered '
local UNRESPONSIVE = 'since when the run does not answer of '
-- A request that was ended by force, until its permit is dropped: its session, and its row among those that ended.
local OUTLIVED = 'still at work after its end '
-- The end of a session's lease, where the short way finds it at once.
local LEASE = 'lease of session '

-- Programs of before end requests and leave what is kept beside them. With no request there can be nothing to keep.
local function tidy()
  for _, field in ipairs(call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, #STEERED) == STEERED or string.sub(field, 1, #UNRESPONSIVE) == UNRESPONSIVE then
      call('HDEL', KEYS[1], field)
    end
  end
  notes = 0
end

local function save()
  if not exists then return end
  if notes > 0 and bz == 0 and wc == 0 then tidy() end
  local look = now >= expiry or pn ~= (expiry == NEVER)
  if look then expiry = pn and NEVER or now + HOUR end
  -- Until when the short ways are open.
  local by = wt == dc and guard == 0 and math.min(due, expiry) or 0
  call('HSET', KEYS[1], 'n', n, 'dc', dc, 'wt', wt, 'pn', pn and '1' or '0', 'tk', tk, 'bz', bz, 'wc', wc,
    'tok', str(token), 'seq', str(seq), 'due', str(due), 'gd', str(guard), 'bn', str(birth), 'xp', str(expiry), 'by', str(by),
    'st', notes, 'qu', str(quiet))
  if look then
    for key = 1, 6 do
      if pn then
        call('PERSIST', KEYS[key])
      else
        call('EXPIRE', KEYS[key], key == 1 and DAY or 2 * DAY)
      end
    end
  end
end

-- ---- telling

-- What a command does itself, and not what follows from that.
local OF_A_COMMAND = {created = true, granted = true, cancelled = true, force_released = true, purged = true, moved = true,
  slots_changed = true, pinned = true, unpinned = true, forgotten = true}

local listened
local function is_heard()
  if listened == nil then
    listened = now >= quiet or quiet - now > SILENCE
    if listened and has_no_listener() then listened, quiet = false, now + SILENCE end
  end
  return listened
end

local function tell(kind, id, blob)
  if not is_heard() then return end
  -- Behind the id: programs of before then see no id, and all the rest.
  local by = actor ~= '' and OF_A_COMMAND[kind] and '~' .. actor or ''
  call('PUBLISH', ARGV[1] .. ':e', kind .. '|' .. (id or '') .. by .. '|' .. tk .. '|' .. wc .. '|' .. n .. '|' .. stamp
    .. '|' .. KEYS[1] .. '|' .. (blob or ''))
end

local function send(session, message)
  call('PUBLISH', ARGV[1] .. ':c:' .. session, message)
end

-- ---- records

local BUSY = '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$'
local function busy_record(row)
  local r = {}
  r.session, r.requested, r.started, r.token, r.ttl, r.priority, r.granted, r.deadline, r.blob
    = string.match(row, BUSY)
  return r
end

local function busy_row(r)
  return r.session .. '|' .. r.requested .. '|' .. r.started .. '|' .. r.token .. '|' .. r.ttl .. '|' .. r.priority
    .. '|' .. r.granted .. '|' .. r.deadline .. '|' .. r.blob
end

local WAITING = '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$'
local function waiting_record(row)
  local r = {}
  r.session, r.requested, r.deadline, r.ttl, r.priority, r.key, r.blob = string.match(row, WAITING)
  return r
end

local function waiting_row(r)
  return r.session .. '|' .. r.requested .. '|' .. r.deadline .. '|' .. r.ttl .. '|' .. r.priority .. '|' .. r.key
    .. '|' .. r.blob
end

-- An administrator does something to a live request.
local function note_actor(id)
  if actor ~= '' and call('HSET', KEYS[1], STEERED .. id, actor) == 1 then notes = notes + 1 end
end

-- Forgets what is kept beside a request, which ends. Gives who steered it.
local function take_notes(id)
  if notes == 0 then return '' end
  local by = call('HGET', KEYS[1], STEERED .. id)
  notes = notes - call('HDEL', KEYS[1], STEERED .. id, UNRESPONSIVE .. id)
  return by or ''
end

-- Behind whether it was granted stands who steered it. Shown are the first 32; the others are the history.
local function remember(id, r, status)
  local kept = call('LPUSH', KEYS[5], id .. '|' .. status .. '|' .. stamp .. '|' .. r.requested .. '|'
    .. (r.started or '') .. '|' .. (r.token or '') .. '|' .. r.priority .. '|' .. (r.granted or '0') .. take_notes(id) .. '|' .. r.blob)
  if kept > 1064 then
    call('LTRIM', KEYS[5], 0, 999)
  elseif kept == 1 then
    fresh(5)
  end
end

-- What became of a request that is neither busy nor waiting.
local function fate(id)
  for _, row in ipairs(call('LRANGE', KEYS[5], 0, 31)) do
    if string.sub(row, 1, 32) == id then return string.match(row, '^[^|]*|([^|]*)') end
  end
  return call('HEXISTS', KEYS[1], OUTLIVED .. id) == 1 and 'released'
end

-- ---- slot ids

-- The slot id of a request, as it is written in front of who asks; see `wire/rows.rs`.
local function slot_of(r) return string.match(r.blob, '^@([^|]*)|') end

-- Longer than an id, both.
local function holder_field(slot) return 'the request that holds the slot id ' .. slot end
local function sharing_field(id) return 'the other sessions with permits of ' .. id end

-- The busy request with that slot id, and its record.
local function holder_of(slot)
  local id = slot and exists and call('HGET', KEYS[1], holder_field(slot))
  local row = id and call('HGET', KEYS[1], id)
  if row then return id, busy_record(row) end
end

local function each_sharing(id, act)
  local sessions = call('HGET', KEYS[1], sharing_field(id))
  for session in string.gmatch(sessions or '', '[^|]+') do act(session) end
  return sessions or ''
end

-- The session has a permit of that request, too. Gives for how long it is held; -1 if it does not expire.
local function share(id, r, session)
  if session ~= r.session then
    local known = false
    local sessions = each_sharing(id, function(other) known = known or other == session end)
    if not known then call('HSET', KEYS[1], sharing_field(id), sessions .. '|' .. session) end
  end
  return r.deadline == '' and -1 or math.max(r.deadline - now, 0)
end

-- A request with a slot id ends: those who share it hold nothing any more.
local function part(id, slot, status)
  each_sharing(id, function(session) send(session, (status == 'killed' and 'k|' or 'l|') .. id) end)
  call('HDEL', KEYS[1], sharing_field(id), holder_field(slot))
end

local function set_deadline(id, r, after)
  local at = now + after
  r.deadline = str(at)
  call('ZADD', KEYS[4], r.deadline, r.requested .. id)
  fresh(4)
  if at < due then due = at end
end

local function clear_deadline(id, r)
  if r.deadline ~= '' then call('ZREM', KEYS[4], r.requested .. id) end
end

-- ---- the machine

local function idle() return bz == 0 and wc == 0 end

local function room() return guard == 0 and (n == '-1' or tk < n + 0) end

local function change_slots(slots)
  if n ~= slots then
    n = slots
    tell('slots_changed')
  end
end

local function adopt()
  if wt ~= dc and idle() then
    dc = wt
    if not pn then change_slots(dc) end
  end
end

local function start(id, r, granted)
  token = token + 1
  r.token, r.started, r.granted, r.deadline = str(token), stamp, granted and '1' or '0', ''
  if r.ttl ~= '' then set_deadline(id, r, r.ttl + 0) end
  bz = bz + 1
  if not granted then tk = tk + 1 end
  call('HSET', KEYS[1], id, busy_row(r))
  local slot = slot_of(r)
  if slot then call('HSET', KEYS[1], holder_field(slot), id) end
  tell(granted and 'granted' or 'acquired', id, r.blob)
end

local function leave_line(id, r)
  call('HDEL', KEYS[2], id)
  call('ZREM', KEYS[3], r.key .. '!' .. id)
  clear_deadline(id, r)
  wc = wc - 1
end

local function start_waiting(id, r, granted)
  leave_line(id, r)
  local holder, held = holder_of(slot_of(r))
  if holder then
    tell('reacquired', id, r.blob)
    remember(id, r, 'done')
    local left = share(holder, held, r.session)
    send(r.session, 's|' .. id .. '|' .. holder .. '|' .. held.token .. '|' .. held.requested .. '|' .. held.started
      .. '|' .. held.granted .. '|' .. str(birth) .. '|' .. str(left))
    return
  end
  start(id, r, granted)
  send(r.session, 'a|' .. id .. '|' .. r.token .. '|' .. r.requested .. '|' .. stamp .. '|' .. r.granted .. '|'
    .. str(birth) .. '|' .. n)
end

local function first_waiting()
  local member = call('ZRANGE', KEYS[3], 0, 0)[1]
  local id = string.sub(member, -32)
  return id, waiting_record(call('HGET', KEYS[2], id))
end

local function admit()
  while wc > 0 and room() do
    local id, r = first_waiting()
    start_waiting(id, r, false)
  end
end

local function settle()
  admit()
  adopt()
end

local function end_busy(id, r, status, kind)
  call('HDEL', KEYS[1], id)
  clear_deadline(id, r)
  local slot = slot_of(r)
  if slot then part(id, slot, status) end
  bz = bz - 1
  if r.granted ~= '1' then tk = tk - 1 end
  tell(kind, id, r.blob)
  remember(id, r, status)
end

local function end_waiting(id, r, status, kind)
  leave_line(id, r)
  tell(kind, id, r.blob)
  remember(id, r, status)
end

-- All busy requests in order of start, as pairs of id and record.
local function all_busy()
  local rows = call('HGETALL', KEYS[1])
  local found = {}
  for i = 1, #rows, 2 do
    if #rows[i] == 32 then
      local r = busy_record(rows[i + 1])
      found[#found + 1] = {rows[i], r, r.token + 0}
    end
  end
  table.sort(found, function(a, b) return a[3] < b[3] end)
  return found
end

-- Ends a busy request whose work goes on.
local function end_by_force(id, r, kind)
  note_actor(id)
  end_busy(id, r, 'released', kind)
  call('HSET', KEYS[1], OUTLIVED .. id, r.session .. '|' .. call('LINDEX', KEYS[5], 0))
  send(r.session, 'l|' .. id)
end

local function end_all_busy(kind)
  local all = all_busy()
  for _, busy in ipairs(all) do end_by_force(busy[1], busy[2], kind) end
  return #all
end

-- What the session had that was ended by force.
local function let_go_of(session)
  local rows = call('HGETALL', KEYS[1])
  for i = 1, #rows, 2 do
    if string.sub(rows[i], 1, #OUTLIVED) == OUTLIVED and string.sub(rows[i + 1], 1, #session + 1) == session .. '|' then
      call('HDEL', KEYS[1], rows[i])
    end
  end
end

-- Ends all that the session has here.
local function kill(session)
  call('ZREM', KEYS[6], session)
  call('HDEL', KEYS[1], LEASE .. session)
  if wc > 0 then
    for _, member in ipairs(call('ZRANGE', KEYS[3], 0, -1)) do
      local id = string.sub(member, -32)
      local row = call('HGET', KEYS[2], id)
      if string.sub(row, 1, #session + 1) == session .. '|' then
        end_waiting(id, waiting_record(row), 'killed', 'killed')
        send(session, 'k|' .. id)
      end
    end
  end
  for _, busy in ipairs(all_busy()) do
    if busy[2].session == session then
      end_busy(busy[1], busy[2], 'killed', 'killed')
      send(session, 'k|' .. busy[1])
    end
  end
  let_go_of(session)
end

-- Moves the deadline of a busy request. 2: it has none.
local function refresh(id, r, ttl)
  if r.ttl == '' then return 2 end
  r.ttl = ttl
  set_deadline(id, r, ttl + 0)
  call('HSET', KEYS[1], id, busy_row(r))
  tell('refreshed', id, r.blob)
  if slot_of(r) then
    local moved = 'd|' .. id .. '|' .. ttl
    send(r.session, moved)
    each_sharing(id, function(session) send(session, moved) end)
  end
  return 1
end

local function next_due()
  due = NEVER
  for key = 4, 6, 2 do
    local first = call('ZRANGE', KEYS[key], 0, 0, 'WITHSCORES')
    if first[2] and first[2] + 0 < due then due = first[2] + 0 end
  end
  if guard > 0 and guard < due then due = guard end
end

-- ---- keys that are lost: the server evicted one, or another program deleted it. The others say in part what each held.

-- Requests wait without a place in the line, or have a place and are not known: those who wait ask again.
local function mend_line()
  local known, rows = {}, call('HGETALL', KEYS[2])
  for i = 1, #rows, 2 do known[rows[i]] = waiting_record(rows[i + 1]) end
  for _, member in ipairs(call('ZRANGE', KEYS[3], 0, -1)) do
    local id = string.sub(member, -32)
    if known[id] then
      known[id].stands = true
    else
      call('ZREM', KEYS[3], member)
    end
  end
  for id, r in pairs(known) do
    if not r.stands then call('ZADD', KEYS[3], str(0 - r.priority), r.key .. '!' .. id) end
  end
  wc = #rows / 2
  if wc > 0 then
    fresh(2)
    fresh(3)
  end
end

local function mend_deadlines()
  for key = 1, 2 do
    local rows = call('HGETALL', KEYS[key])
    for i = 1, #rows, 2 do
      local id = rows[i]
      if #id == 32 then
        local r = key == 1 and busy_record(rows[i + 1]) or waiting_record(rows[i + 1])
        if r.deadline ~= '' then call('ZADD', KEYS[4], r.deadline, r.requested .. id) end
      end
    end
  end
  fresh(4)
end

local function mend_leases()
  local fields = call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, #LEASE) == LEASE then
      call('ZADD', KEYS[6], fields[i + 1], string.sub(fields[i], #LEASE + 1))
    end
  end
  fresh(6)
end

-- Lets all happen that is due by now: deadlines in order, then leases.
local function advance()
  if not exists then return end
  if call('HLEN', KEYS[2]) ~= wc or call('ZCARD', KEYS[3]) ~= wc then mend_line() end
  if now < due then return end
  if call('EXISTS', KEYS[4]) == 0 then mend_deadlines() end
  if call('EXISTS', KEYS[6]) == 0 then mend_leases() end
  while true do
    local member = call('ZRANGEBYSCORE', KEYS[4], '-inf', stamp, 'LIMIT', 0, 1)[1]
    if not member then break end
    local id = string.sub(member, -32)
    local row = call('HGET', KEYS[1], id)
    if row then
      local r = busy_record(row)
      end_busy(id, r, 'expired', 'expired')
      send(r.session, 'l|' .. id)
    else
      row = call('HGET', KEYS[2], id)
      if row then
        local r = waiting_record(row)
        end_waiting(id, r, 'timed_out', 'timed_out')
        send(r.session, 't|' .. id)
      else
        call('ZREM', KEYS[4], member)
      end
    end
    admit()
  end
  for _, session in ipairs(call('ZRANGEBYSCORE', KEYS[6], '-inf', stamp)) do kill(session) end
  if now >= guard then guard = 0 end
  settle()
  next_due()
end

-- Whether the semaphore, which is not there, may be made now: not before the client has noticed that data
-- was lost since it looked last. Gives the time before which no request may be admitted.
local function creation(known, guarded)
  local lost = guarded + 0
  if mark_key then
    local mark = redis.pcall('GET', mark_key)
    if type(mark) ~= 'string' then return false end
    local id, at, longest = string.match(mark, '^([^|]*)|(%d+)|(%d+)$')
    if not id or id ~= known then return false end
    lost = at == '0' and 0 or at + longest
  end
  return lost > now and lost or 0
end

local function create(until_when)
  -- Leases that go on without the state: that was lost, and holders come back.
  local last = call('ZRANGE', KEYS[6], -1, -1, 'WITHSCORES')[2]
  if last and last + 0 > now then until_when = math.max(until_when, last + 0) end
  for key = 1, 6 do call('DEL', KEYS[key]) end
  exists, n, dc, guard, notes = true, wt, wt, until_when, 0
  if guard > 0 then due = guard end
  if names_key then call('SADD', names_key, KEYS[1]) end
  tell('created')
end

-- A request names the semaphore. `known` and `guarded` are as for `creation`; false: the client must look first.
local function arrive(declared, known, guarded)
  advance()
  if declared ~= '' then wt = declared end
  if not exists then
    local until_when = creation(known, guarded)
    if not until_when then return false end
    create(until_when)
  end
  adopt()
  return true
end

-- The session lives. Gives for how long that is taken for granted.
local function lease(session, length, always)
  local score = call('ZSCORE', KEYS[6], session)
  if not score and bz + wc > 0 and call('EXISTS', KEYS[6]) == 0 then mend_leases() end
  local left = (score or 0) - now
  if not always and left >= length * 2 / 3 then return left end
  call('ZADD', KEYS[6], str(now + length), session)
  -- The same, where the short way finds it at once. Longer than an id.
  call('HSET', KEYS[1], LEASE .. session, str(now + length))
  fresh(6)
  if now + length < due then due = now + length end
  return length
end

-- How long until something may be due; -1 if nothing ever is.
local function due_left() return due == NEVER and -1 or math.max(due - now, 0) end

local function slots_known() return n + 0, dc + 0, wt + 0, pn and 1 or 0 end
