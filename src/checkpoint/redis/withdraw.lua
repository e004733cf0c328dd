-- Whether a commit whose answer was lost was made. If not, it never will be: it may still be on its way.
local instance, sequence = take(), take()
local state = state_of(instance)
if state ~= 'live' then return state end
local own = key('instance:' .. instance)
if redis.call('HGET', own, 'last') == sequence then return 'committed' end
redis.call('HSET', own, 'withdrawn', sequence)
return 'withdrawn'
