-- Begins to make a lake's keys anew, where it has no commit and no process has it open. Another process that began to,
-- and gives no sign of life any more, is put out.
local token, version, new_key, silent_ms = take(), take(), take(), tonumber(take())
local now = server_ms()
local found = redis.call('HGET', lake, 'schema_version')
if found == REBUILDING then
  local silent = now - tonumber(redis.call('HGET', lake, 'rebuild_alive_ms'))
  if silent < silent_ms and not is_rebuilt_by(token) then return { 'taken' } end
elseif found and found ~= version then
  return { 'version', found }
else
  if redis.call('EXISTS', key('commits'), key('partitions'), key('ids')) > 0 then return { 'known' } end
  local alive = redis.call('ZRANGE', key('alive'), -1, -1, 'WITHSCORES')
  if alive[2] and now - tonumber(alive[2]) < silent_ms then return { 'open' } end
end
redis.call('HSET', lake, 'schema_version', REBUILDING, 'rebuild_token', token, 'rebuild_alive_ms', integer(now))
redis.call('HSETNX', lake, 'id_key', new_key)
return { 'begun', redis.call('HGET', lake, 'id_key') }
