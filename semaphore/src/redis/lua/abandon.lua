-- The owner of a request is gone before it heard what became of it, or says nothing more.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[2], id)
if row then
  end_waiting(id, waiting_record(row), 'killed', 'killed')
else
  row = exists and call('HGET', KEYS[1], id)
  if row then end_busy(id, busy_record(row), 'killed', 'killed') end
end
if row then settle() end
save()
return row and 1 or 0
