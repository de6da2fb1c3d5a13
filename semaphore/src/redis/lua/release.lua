-- Ends a busy request; its slot goes to the first in line.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[1], id)
if row then
  local r = busy_record(row)
  -- Another session may have made the request.
  if slot_of(r) then send(r.session, 'l|' .. id) end
  end_busy(id, r, 'done', 'released')
  settle()
elseif exists then
  -- It was ended by force before, and now its work has ended, too.
  call('HDEL', KEYS[1], OUTLIVED .. id)
end
save()
return row and 1 or 0
