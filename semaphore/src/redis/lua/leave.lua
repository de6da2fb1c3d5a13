-- The session ends, and has nothing left here.
call('ZREM', KEYS[6], ARGV[2])
return 1
