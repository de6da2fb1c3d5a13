-- Before a request is made, another of this session is given back.
local returned = ARGV[14]
advance()
local held = exists and call('HGET', KEYS[1], returned)
if held then
  end_busy(returned, busy_record(held), 'done', 'released')
  settle()
elseif exists then
  -- It was ended by force before, and now its work has ended, too.
  call('HDEL', KEYS[1], OUTLIVED .. returned)
end
