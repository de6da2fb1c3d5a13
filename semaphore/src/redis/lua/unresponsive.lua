-- The run of these requests has not answered for that many microseconds, or, without a number, it answers again.
-- ARGV: 2 the number, 3 and more the requests. What is marked already keeps its time.
local silent = ARGV[2]
advance()
local function mark(id, r)
  if silent ~= '' then
    if call('HSETNX', KEYS[1], UNRESPONSIVE .. id, str(now - silent)) == 1 then
      notes = notes + 1
      tell('unresponsive', id, r.blob)
    end
  elseif call('HDEL', KEYS[1], UNRESPONSIVE .. id) == 1 then
    notes = notes - 1
    tell('responsive', id, r.blob)
  end
end
if exists then
  for i = 3, #ARGV do
    local id = ARGV[i]
    local row = call('HGET', KEYS[1], id)
    if row then
      mark(id, busy_record(row))
    else
      row = call('HGET', KEYS[2], id)
      if row then mark(id, waiting_record(row)) end
    end
  end
end
save()
return 1
