-- Before a request is made, another of this session is given back.
local returned = ARGV[14]
advance()
local held = exists and call('HGET', KEYS[1], returned)
if held then
  end_busy(returned, busy_record(held), 'done', 'released')
  settle()
end
