-- A sign of life.
local instance = take()
local state = state_of(instance)
if state == 'live' then redis.call('ZADD', key('alive'), integer(server_ms()), instance) end
return state
