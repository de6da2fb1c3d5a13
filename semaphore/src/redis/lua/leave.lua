-- The session ends, and has nothing left here.
call('ZREM', KEYS[6], ARGV[2])
call('HDEL', KEYS[1], 'lease of session ' .. ARGV[2])
return 1
