-- Whether a commit whose answer was lost was made. If not, it never will be: it may still be on its way.
local instance, sequence = take(), take()
local state = state_of(instance)
if state == 'lost' then return state end
if is_made(instance, sequence, state) then return 'committed' end
if state == 'expelled' then return state end
redis.call('HSET', key('instance:' .. instance), 'withdrawn', sequence)
return 'withdrawn'
