-- What administrators do to a semaphore. -1: there is none, -9: the client must look first.
-- ARGV: 2 the command, 3 its slots, 4 and 5 as for `creation`, 6 who gives it, 7 and 8 how many entries of the audit are
-- kept, and for how many seconds.
local what = ARGV[2]
local answer, hits = 0, 0
advance()
local before = audited()

local function set_slots(slots)
  if not pn then
    pn = true
    tell('pinned')
  end
  change_slots(slots)
  settle()
end

if what == 'set_slots' or what == 'pin' then
  actor = ARGV[6]
  if not arrive('', ARGV[4], ARGV[5]) then return {-9} end
  set_slots(what == 'set_slots' and ARGV[3] or n)
else
  if not exists then
    if not cleared then return {-1} end
    for key = 1, 6 do call('DEL', KEYS[key]) end
    if names_key then call('SREM', names_key, KEYS[1]) end
    return {0, 0, 0, birth}
  end
  actor = ARGV[6]
  if what == 'unpin' then
    if pn then
      pn = false
      tell('unpinned')
      change_slots(dc)
      settle()
    end
  elseif what == 'purge' then
    answer = end_all_busy('purged') + wc
    hits = answer
    while wc > 0 do
      local id, r = first_waiting()
      note_actor(id)
      start_waiting(id, r, true)
    end
    settle()
  elseif what == 'force_release' then
    answer = end_all_busy('force_released')
    hits = answer
    settle()
  elseif idle() then
    tell('forgotten')
    for key = 1, 6 do call('DEL', KEYS[key]) end
    if names_key then call('SREM', names_key, KEYS[1]) end
    exists = false
  else
    answer = 1
  end
end
save()
local after = audited()
local changed = hits > 0
if what ~= 'purge' and what ~= 'force_release' then changed = before ~= after end
if changed then audit(what, '', hits, before, after, '', ARGV[7] + 0, ARGV[8] + 0) end
return {answer, bz, wc, birth}
