-- Releases the slot that a slot id holds, or refreshes it for that many microseconds. 0: it holds none, 2: it has no TTL.
local slot, ttl = ARGV[2], ARGV[3]
advance()
local id, r = holder_of(slot)
local answer = 0
if id and ttl ~= '' then
  answer = refresh(id, r, ttl)
elseif id then
  answer = 1
  send(r.session, 'l|' .. id)
  end_busy(id, r, 'done', 'released')
  settle()
end
save()
return answer
