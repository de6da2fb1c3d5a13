-- KEYS of a script that administrators run: 1 to 6 as above, 7 the audit; unless in a cluster: 8 the mark of the data set,
-- 9 the names of all, 10 the names of all that have an audit.
local audit_key, audited_key = KEYS[7], KEYS[10]
mark_key, names_key = KEYS[8], KEYS[9]
-- What cla did not write in place of one of the keys. These two get a semaphore out of any trouble.
local cleared = false
if ARGV[2] == 'forget' or ARGV[2] == 'purge' then
  for key, kind in ipairs({'hash', 'hash', 'zset', 'zset', 'list', 'zset', 'list'}) do
    local found = call('TYPE', KEYS[key]).ok
    if found ~= kind and found ~= 'none' then cleared = call('DEL', KEYS[key]) == 1 end
  end
end
