-- The short way to give a slot back: nothing is due, nobody waits.
local f = call('HMGET', KEYS[1], 'n', 'wt', 'dc', 'tk', 'bz', 'wc', 'due', ARGV[2])
if f[8] and f[6] == '0' and now < f[7] + 0 then
  local requested, started, token, priority, granted, blob =
    string.match(f[8], '^[^|]*|(%d+)|(%d+)|(%d+)||(-?%d+)|(%d)||(.*)$')
  local bz = f[5] - 1
  -- With a TTL it has a deadline to take back, and nothing matched.
  if requested and (bz > 0 or f[2] == f[3]) then
    local tk = granted == '1' and f[4] or f[4] - 1
    local stamp = t[1] .. string.format('%06d', t[2])
    call('HDEL', KEYS[1], ARGV[2])
    call('HSET', KEYS[1], 'tk', tk, 'bz', bz)
    call('PUBLISH', ARGV[1] .. ':e',
      'released|' .. ARGV[2] .. '|' .. tk .. '|0|' .. f[1] .. '|' .. stamp .. '|' .. KEYS[1] .. '|' .. blob)
    local kept = call('LPUSH', KEYS[5], ARGV[2] .. '|done|' .. stamp .. '|' .. requested .. '|' .. started .. '|'
      .. token .. '|' .. priority .. '|' .. granted .. '|' .. blob)
    if kept > 64 then
      call('LTRIM', KEYS[5], 0, 31)
    elseif kept == 1 then
      call('EXPIRE', KEYS[5], 172800)
    end
    return 1
  end
end
