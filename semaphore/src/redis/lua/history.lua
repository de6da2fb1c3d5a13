-- Requests that ended, the newest first, and what time it is.
advance()
save()
return {stamp, call('LRANGE', KEYS[5], 0, ARGV[2] - 1)}
