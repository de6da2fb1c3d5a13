-- The short way to a free slot: nothing is due, nobody waits, and the code declares nothing new.
local f = call('HMGET', KEYS[1], 'n', 'wt', 'dc', 'tk', 'bz', 'tok', 'due', 'xp', 'bn', ARGV[4], 'gd')
if f[1] and f[2] == f[3] and f[11] == '0' and ARGV[6] == '' and not f[10] and now < f[7] + 0 and now < f[8] + 0
  and (ARGV[5] == '' or ARGV[5] == f[2]) and (f[4] + 0 < f[1] + 0 or f[1] == '-1') then
  local due = f[7]
  local left = (call('ZSCORE', KEYS[6], ARGV[2]) or 0) - now
  if left < ARGV[3] * 2 / 3 then
    left = ARGV[3] + 0
    local lease_end = string.format('%.0f', now + left)
    call('ZADD', KEYS[6], lease_end, ARGV[2])
    -- Not that of a pinned semaphore, which stays.
    if f[8] ~= '9000000000000000' then call('EXPIRE', KEYS[6], 172800) end
    if now + left < due + 0 then due = lease_end end
  end
  local token = f[6] + 1
  local shown = string.format('%.0f', token)
  local stamp = t[1] .. string.format('%06d', t[2])
  local tk = f[4] + 1
  call('HSET', KEYS[1], 'tk', tk, 'bz', f[5] + 1, 'tok', shown, 'due', due, ARGV[4],
    ARGV[2] .. '|' .. stamp .. '|' .. stamp .. '|' .. shown .. '||' .. ARGV[7] .. '|0||' .. ARGV[10])
  call('PUBLISH', ARGV[1] .. ':e',
    'acquired|' .. ARGV[4] .. '|' .. tk .. '|0|' .. f[1] .. '|' .. stamp .. '|' .. KEYS[1] .. '|' .. ARGV[10])
  return {1, token, now, now, 0, f[9] + 0, left, f[1] + 0}
end
