-- All there is to see. Nothing: there is no such semaphore.
advance()
if not exists then
  if names_key then call('SREM', names_key, KEYS[1]) end
  return false
end
save()
return {stamp, n, pn and 1 or 0, tk, wc, call('HGETALL', KEYS[1]), call('HGETALL', KEYS[2]),
  call('ZRANGE', KEYS[3], 0, -1), call('LRANGE', KEYS[5], 0, 31), call('ZRANGE', KEYS[6], 0, -1, 'WITHSCORES')}
