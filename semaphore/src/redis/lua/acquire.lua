-- Takes a slot, or joins the line. Knows a request by its id, so it may be asked again.
local session, length, id, declared, ttl = ARGV[2], ARGV[3] + 0, ARGV[4], ARGV[5], ARGV[6]
local priority, timeout, joins, blob = ARGV[7], ARGV[8], ARGV[9] == 'q', ARGV[10]
advance()
local row = exists and call('HGET', KEYS[1], id)
if row then
  local r = busy_record(row)
  local left = lease(session, length)
  save()
  return {1, r.token + 0, r.requested + 0, r.started + 0, r.granted + 0, birth, left, slots_known()}
end
row = exists and call('HGET', KEYS[2], id)
if row then
  local r = waiting_record(row)
  local left = lease(session, length)
  save()
  return {2, r.requested + 0, r.key, birth, left, due_left(), slots_known()}
end
if ARGV[13] == '1' then
  local status = fate(id)
  if status == 'timed_out' or status == 'cancelled' then
    save()
    return {3, status}
  end
  -- It may have been ended by force before its client heard that it was admitted. Now it begins anew.
  -- (Only looked at first: after any write, a full server lets all others pass.)
  if exists and call('HEXISTS', KEYS[1], OUTLIVED .. id) == 1 then call('HDEL', KEYS[1], OUTLIVED .. id) end
end
if not arrive(declared, ARGV[11], ARGV[12]) then return {9} end
local r = {session = session, requested = stamp, ttl = ttl, priority = priority, blob = blob, deadline = ''}
local holder, held = holder_of(slot_of(r))
if holder and room() then
  local held_for = share(holder, held, session)
  local left = lease(session, length)
  save()
  return {4, holder, held.token + 0, held.requested + 0, held.started + 0, held.granted + 0, birth, left, held_for,
    slots_known()}
end
if room() then
  start(id, r, false)
  local left = lease(session, length)
  save()
  return {1, token, now, now, 0, birth, left, slots_known()}
end
if not joins then
  save()
  return {0, birth}
end
if timeout ~= '' and timeout + 0 <= 0 then
  tell('timed_out', id, blob)
  remember(id, r, 'timed_out')
  save()
  return {3, 'timed_out'}
end
seq = seq + 1
r.key = str(seq) .. '5'
if timeout ~= '' then set_deadline(id, r, timeout + 0) end
call('HSET', KEYS[2], id, waiting_row(r))
call('ZADD', KEYS[3], str(0 - priority), r.key .. '!' .. id)
if wc == 0 then
  fresh(2)
  fresh(3)
end
wc = wc + 1
tell('queued', id, blob)
local left = lease(session, length)
save()
return {2, now, r.key, birth, left, due_left(), slots_known()}
