-- The short way to give a slot back and take it again, for a program that does both at once: see `exchange` in `session/release.rs`.
-- Open when both short ways are, one after the other.
local f = call('HMGET', KEYS[1], 'by', 'n', 'tk', 'tok', 'bn', 'wt', 'lease of session ' .. ARGV[2], 'qu', ARGV[4], 'wc', ARGV[14], 'st')
if f[11] and f[10] == '0' and now < f[1] + 0 and (f[12] or '0') == '0' and f[7] and not f[9] and ARGV[6] == ''
  and ARGV[13] == '' and string.byte(ARGV[10]) ~= 64 and (ARGV[5] == '' or ARGV[5] == f[6])
  and (f[3] - 1 < f[2] + 0 or f[2] == '-1') then
  local given, rest, blob = string.match(f[11], '^[^|]*|(%d+|%d+|%d+)||(-?%d+|0)||(.*)$')
  local left = f[7] - now
  local low = string.sub(f[4], -7) + 1
  -- Who was granted a slot gives none back: then nothing matches.
  if given and string.byte(blob) ~= 64 and left * 3 > ARGV[3] * 2 and low < 10000000 then
    local token = string.sub(f[4], 1, -8) .. string.sub('000000' .. low, -7)
    local stamp = t[1] .. string.sub('00000' .. t[2], -6)
    call('HDEL', KEYS[1], ARGV[14])
    call('HSET', KEYS[1], 'tok', token, ARGV[4],
      ARGV[2] .. '|' .. stamp .. '|' .. stamp .. '|' .. token .. '||' .. ARGV[7] .. '|0||' .. ARGV[10])
    if not (f[8] and now < f[8] + 0 and f[8] - now <= SILENCE) then
      if has_no_listener() then
        call('HSET', KEYS[1], 'qu', string.format('%.0f', now + SILENCE))
      else
        local now_and_where = '|0|' .. f[2] .. '|' .. stamp .. '|' .. KEYS[1] .. '|'
        call('PUBLISH', ARGV[1] .. ':e', 'released|' .. ARGV[14] .. '|' .. f[3] - 1 .. now_and_where .. blob)
        call('PUBLISH', ARGV[1] .. ':e', 'acquired|' .. ARGV[4] .. '|' .. f[3] .. now_and_where .. ARGV[10])
      end
    end
    local kept = call('LPUSH', KEYS[5], ARGV[14] .. '|done|' .. stamp .. '|' .. given .. '|' .. rest .. '|' .. blob)
    if kept > 1064 then
      call('LTRIM', KEYS[5], 0, 999)
    elseif kept == 1 then
      call('EXPIRE', KEYS[5], 172800)
    end
    return {1, token + 0, now, now, 0, f[5] + 0, left, f[2] + 0}
  end
end
