-- The session lives; what of its requests? 0: this is not the semaphore that it knew.
local session, length, known, scan = ARGV[2], ARGV[3] + 0, ARGV[4], ARGV[5] == '1'
advance()
if not exists or str(birth) ~= known then
  save()
  return {0}
end
-- In case the list of names was lost.
if names_key then call('SADD', names_key, KEYS[1]) end
local states, others = {}, {}
for i = 6, #ARGV do
  local id = ARGV[i]
  local row = call('HGET', KEYS[1], id)
  if row then
    local r = busy_record(row)
    states[#states + 1] = 'a|' .. r.token .. '|' .. r.requested .. '|' .. r.started .. '|' .. r.granted
  else
    row = call('HGET', KEYS[2], id)
    if row then
      states[#states + 1] = 'w|' .. waiting_record(row).key
    else
      states[#states + 1] = 'e|' .. (fate(id) or '')
    end
  end
end
if scan then
  for key = 1, 2 do
    local rows = call('HGETALL', KEYS[key])
    for i = 1, #rows, 2 do
      if #rows[i] == 32 and string.sub(rows[i + 1], 1, #session + 1) == session .. '|' then
        others[#others + 1] = rows[i]
      end
    end
  end
end
local left = lease(session, length, true)
next_due()
save()
return {1, left, due_left(), states, others, slots_known()}
