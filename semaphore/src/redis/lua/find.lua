-- The ids that begin so: of live requests, and of what ended a moment ago.
advance()
save()
local prefix, live, ended = ARGV[2], {}, {}
for key = 1, 2 do
  for _, id in ipairs(call('HKEYS', KEYS[key])) do
    if #id == 32 and string.sub(id, 1, #prefix) == prefix then live[#live + 1] = id end
  end
end
for _, field in ipairs(call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #OUTLIVED + #prefix) == OUTLIVED .. prefix then ended[#ended + 1] = string.sub(field, #OUTLIVED + 1) end
end
for _, row in ipairs(call('LRANGE', KEYS[5], 0, 31)) do
  local id, at = string.match(row, '^([^|]*)|[^|]*|(%d+)')
  if string.sub(id, 1, #prefix) == prefix and now - at < ARGV[3] + 0
    and call('HEXISTS', KEYS[1], OUTLIVED .. id) == 0 then ended[#ended + 1] = id end
end
return {live, ended}
