-- A sign of life of the process that makes the keys anew.
local token = take()
if not is_rebuilt_by(token) then return 'taken' end
redis.call('HSET', lake, 'rebuild_alive_ms', integer(server_ms()))
return 'live'
