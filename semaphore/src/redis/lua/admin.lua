-- ---- the audit: what commands changed. The newest entry comes first:
-- `number|at|command|request|hits|before|after|who gave it|who asked`. See `wire/audit.rs`.

-- The semaphore as it is, with the place of a request that is moved.
local function audited(place)
  if not exists then return '' end
  return n .. ',' .. (pn and '1' or '0') .. ',' .. tk .. ',' .. wc .. ',' .. (place or '')
end

local function audit(command, id, hits, before, after, blob, kept, age)
  -- Numbered by the clock, so that numbers grow also after the entries before have expired.
  local last = call('LINDEX', audit_key, 0)
  local number = now
  if last then number = math.max(number, string.match(last, '^(%d+)') + 1) end
  call('LPUSH', audit_key, str(number) .. '|' .. stamp .. '|' .. command .. '|' .. id .. '|' .. hits .. '|' .. before
    .. '|' .. after .. '|' .. actor .. '|' .. blob)
  call('LTRIM', audit_key, 0, kept - 1)
  local oldest = call('LINDEX', audit_key, -1)
  for _ = 1, 64 do
    if string.match(oldest, '^%d+|(%d+)') + age * 1000000 >= now then break end
    call('RPOP', audit_key)
    oldest = call('LINDEX', audit_key, -1)
  end
  call('EXPIRE', audit_key, age)
  if audited_key then call('SADD', audited_key, KEYS[1]) end
end
