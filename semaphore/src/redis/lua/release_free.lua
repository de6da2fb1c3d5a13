-- The short way to give a slot back, open while nothing is due, nothing changes when the semaphore is idle, and no request waits.
local f = call('HMGET', KEYS[1], 'by', 'n', 'tk', 'bz', 'wc', ARGV[2], 'st', 'qu')
if f[6] and f[5] == '0' and now < f[1] + 0 and (f[7] or '0') == '0' then
  -- Its times and token, its priority and whether it was granted. With a TTL it has a deadline to take back, and nothing
  -- matches.
  local given, rest, blob = string.match(f[6], '^[^|]*|(%d+|%d+|%d+)||(-?%d+|%d)||(.*)$')
  -- With a slot id, other sessions may have to hear of it.
  if given and string.byte(blob) ~= 64 then
    local tk = string.byte(rest, -1) == 49 and f[3] or f[3] - 1
    local stamp = t[1] .. string.sub('00000' .. t[2], -6)
    call('HDEL', KEYS[1], ARGV[2])
    call('HSET', KEYS[1], 'tk', tk, 'bz', f[4] - 1)
    if not (f[8] and now < f[8] + 0 and f[8] - now <= SILENCE) then
      if has_no_listener() then
        call('HSET', KEYS[1], 'qu', string.format('%.0f', now + SILENCE))
      else
        call('PUBLISH', ARGV[1] .. ':e',
          'released|' .. ARGV[2] .. '|' .. tk .. '|0|' .. f[2] .. '|' .. stamp .. '|' .. KEYS[1] .. '|' .. blob)
      end
    end
    local kept = call('LPUSH', KEYS[5], ARGV[2] .. '|done|' .. stamp .. '|' .. given .. '|' .. rest .. '|' .. blob)
    if kept > 1064 then
      call('LTRIM', KEYS[5], 0, 999)
    elseif kept == 1 then
      call('EXPIRE', KEYS[5], 172800)
    end
    return 1
  end
end
