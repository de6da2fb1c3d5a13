-- Tries what a take needs, on the key 1, which nothing else uses. Gives what the server refused, each as `COMMAND: why`.
-- ARGV: the channel of the events.
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    refused[#refused + 1] = string.upper((...)) .. ': ' .. answer.err
  end
end
local key = KEYS[1]
try('hset', key, 'f', 1)
try('hsetnx', key, 'f', 1)
try('hmget', key, 'f')
try('hget', key, 'f')
try('hexists', key, 'f')
try('hlen', key)
try('hkeys', key)
try('hgetall', key)
try('expire', key, 60)
try('persist', key)
try('exists', key)
try('type', key)
try('hdel', key, 'f')
try('del', key)
try('zadd', key, 1, 'm')
try('zscore', key, 'm')
try('zrank', key, 'm')
try('zcard', key)
try('zrange', key, 0, -1)
try('zrangebyscore', key, 0, 1)
try('zrem', key, 'm')
try('lpush', key, 1, 2)
try('lrange', key, 0, 0)
try('lindex', key, 0)
try('ltrim', key, 0, 0)
try('rpop', key)
try('sadd', key, 'm')
try('smembers', key)
try('srem', key, 'm')
try('set', key, 1)
try('get', key)
try('del', key)
try('publish', ARGV[1], 'probe')
return refused
