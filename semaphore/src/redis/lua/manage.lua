-- What administrators do to a semaphore. -1: there is none, -9: the client must look first.
local what = ARGV[2]
local answer = 0

local function set_slots(slots)
  if not pn then
    pn = true
    tell('pinned')
  end
  change_slots(slots)
  settle()
end

if what == 'set_slots' or what == 'pin' then
  if not arrive('', ARGV[4], ARGV[5]) then return {-9} end
  set_slots(what == 'set_slots' and ARGV[3] or n)
else
  advance()
  if not exists then return {-1} end
  if what == 'unpin' then
    if pn then
      pn = false
      tell('unpinned')
      change_slots(dc)
      settle()
    end
  elseif what == 'purge' then
    answer = end_all_busy('purged') + wc
    while wc > 0 do
      local id, r = first_waiting()
      start_waiting(id, r, true)
    end
    settle()
  elseif what == 'force_release' then
    answer = end_all_busy('force_released')
    settle()
  elseif idle() then
    tell('forgotten')
    for key = 1, 6 do call('DEL', KEYS[key]) end
    if KEYS[8] then call('SREM', KEYS[8], KEYS[1]) end
    exists = false
  else
    answer = 1
  end
end
save()
return {answer, bz, wc, birth}
