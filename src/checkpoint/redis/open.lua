-- Registers an instance, and begins the lake where there is none and that is wanted.
local instance, version, new_key, silent_ms = take(), take(), take(), tonumber(take())
if redis.call('EXISTS', lake) == 0 then
  if redis.call('EXISTS', key('commits'), key('partitions'), key('ids')) > 0 then return { 'lost' } end
  if new_key == '' then return { 'absent' } end
  redis.call('HSET', lake, 'schema_version', version, 'id_key', new_key, 'sequence', '0')
end
local found = redis.call('HGET', lake, 'schema_version')
if found ~= version then return { 'version', found } end
-- Of those that ended without a word the counters would be added up at each look.
local now = server_ms()
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', key('alive'), '-inf', integer(now - silent_ms))) do
  end_instance(silent)
end
redis.call('SADD', key('instances'), instance)
redis.call('ZADD', key('alive'), integer(now), instance)
redis.call('HSET', key('instance:' .. instance), 'last', '0')
return { 'opened', redis.call('HGET', lake, 'id_key'), seen_count() }
