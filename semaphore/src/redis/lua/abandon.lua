-- The owner of a request gives it up before it heard what became of it; or, with a third argument, its run was given up.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[2], id)
if row then
  local status = ARGV[3] and 'killed' or 'left'
  end_waiting(id, waiting_record(row), status, status)
else
  row = exists and call('HGET', KEYS[1], id)
  if row then end_busy(id, busy_record(row), ARGV[3] and 'killed' or 'released', ARGV[3] and 'killed' or 'released') end
end
if row then settle() end
save()
return row and 1 or 0
