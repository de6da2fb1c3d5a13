-- Moves the deadline of a busy request. 0: not held, 2: it has no TTL.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[1], id)
local answer = row and refresh(id, busy_record(row), ARGV[3]) or 0
save()
return answer
