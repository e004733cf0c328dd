-- The number of an instance's next commit.
local instance = take()
local state = state_of(instance)
if state == 'lost' then return state end
return integer(redis.call('HINCRBY', lake, 'sequence', 1))
