-- Who holds slots, for the detection of deadlocks; and the waiting request of which the caller knows.
advance()
save()
if not exists then return false end
local holders = {}
for _, busy in ipairs(all_busy()) do
  if busy[2].granted ~= '1' then
    holders[#holders + 1] = busy[1]
    holders[#holders + 1] = busy[2].ttl == '' and not slot_of(busy[2]) and '0' or '1'
    holders[#holders + 1] = busy[2].blob
  end
end
local line = {}
if ARGV[2] == '*' then
  for _, member in ipairs(call('ZRANGE', KEYS[3], 0, -1)) do
    local id = string.sub(member, -32)
    line[#line + 1] = id
    line[#line + 1] = call('HGET', KEYS[2], id)
  end
elseif ARGV[2] ~= '' then
  local row = call('HGET', KEYS[2], ARGV[2])
  if row then line = {ARGV[2], row} end
end
return {n, tk, holders, line}
