-- Ends a busy request; its slot goes to the first in line.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[1], id)
if row then
  end_busy(id, busy_record(row), 'done', 'released')
  settle()
end
save()
return row and 1 or 0
