-- An instance ends in good order.
local instance = take()
if state_of(instance) == 'live' then end_instance(instance) end
return 'left'
