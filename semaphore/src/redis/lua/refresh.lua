-- Moves the deadline of a busy request. 0: not held, 2: it has no TTL.
local id = ARGV[2]
advance()
local row = exists and call('HGET', KEYS[1], id)
local answer = 0
if row then
  local r = busy_record(row)
  answer = 2
  if r.ttl ~= '' then
    answer = 1
    r.ttl = ARGV[3]
    set_deadline(id, r, r.ttl + 0)
    call('HSET', KEYS[1], id, busy_row(r))
    tell('refreshed', id, r.blob)
  end
end
save()
return answer
