-- Data was lost: a session brings back what it holds and waits for. Holders are taken at their word, waiters
-- stand where they stood.
local session, length, guarded, floor = ARGV[2], ARGV[3] + 0, ARGV[4] + 0, ARGV[5] + 0
advance()
if not exists then
  wt, pn = ARGV[8], ARGV[9] == '1'
  create(guarded > now and guarded or 0)
  n, dc = ARGV[6], ARGV[7]
elseif guard > 0 and not pn then
  -- A newcomer was here first, and could not know what was set. No request was admitted yet.
  dc, wt, pn = ARGV[7], ARGV[8], ARGV[9] == '1'
  change_slots(ARGV[6])
end
if floor > token then token = floor end
for i = 10, #ARGV, 4 do
  local id, key, class, row = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if call('HEXISTS', KEYS[1], id) == 0 and call('HEXISTS', KEYS[2], id) == 0 then
    -- The deadline comes as what is left of it: clocks differ.
    if key == '' then
      local r = busy_record(session .. '|' .. row)
      local left = r.deadline
      r.deadline = ''
      if left ~= '' then set_deadline(id, r, left + 0) end
      bz = bz + 1
      if r.granted ~= '1' then tk = tk + 1 end
      call('HSET', KEYS[1], id, busy_row(r))
      local slot = slot_of(r)
      if slot then call('HSETNX', KEYS[1], holder_field(slot), id) end
      tell(r.granted == '1' and 'granted' or 'acquired', id, r.blob)
    else
      local r = waiting_record(session .. '|' .. row)
      local left = r.deadline
      r.deadline, r.key = '', key
      if left ~= '' then set_deadline(id, r, left + 0) end
      call('HSET', KEYS[2], id, waiting_row(r))
      call('ZADD', KEYS[3], class, key .. '!' .. id)
      if wc == 0 then
        fresh(2)
        fresh(3)
      end
      wc = wc + 1
      tell('queued', id, r.blob)
    end
  end
end
local left = lease(session, length, true)
settle()
next_due()
save()
return {birth, left, due_left(), slots_known()}
