-- Everything but the commits themselves, as of one moment; commits are only ever added, so their number says
-- which of them belong to it.
local with_traces = take() == '1'
if redis.call('EXISTS', lake) == 0 then return false end
local counters = { redis.call('HGETALL', key('counters')) }
for _, instance in ipairs(redis.call('ZRANGE', key('alive'), 0, -1)) do
  counters[#counters + 1] = redis.call('HGETALL', key('counters:' .. instance))
end
local now, counted, held = server_ms(), 0, 0
for _, bucket in ipairs(read_buckets()) do
  if bucket.expires == 0 or bucket.expires > now then
    counted = counted + bucket.count
    if with_traces then
      for shard = 0, 255 do held = held + redis.call('SCARD', shard_key(bucket.name, shard)) end
    end
  end
end
local duplicates = 0
if with_traces then
  for _, sequence in ipairs(redis.call('ZRANGE', key('duplicates'), 0, -1)) do
    duplicates = duplicates + tonumber(redis.call('HGET', key('duplicates:' .. sequence), 'count') or 0)
  end
end
local alive = redis.call('ZRANGE', key('alive'), -1, -1, 'WITHSCORES')
return {
  redis.call('HGETALL', lake),
  redis.call('LLEN', key('commits')),
  redis.call('HGETALL', key('partitions')),
  counters,
  redis.call('HKEYS', key('unpublished')),
  redis.call('HVALS', key('purges')),
  with_traces and redis.call('HGETALL', key('replays')) or {},
  redis.call('HLEN', key('replays')),
  redis.call('SMEMBERS', key('instances')),
  { integer(counted), integer(held) },
  integer(duplicates),
  alive[2] and integer(now - tonumber(alive[2])) or '',
  redis.call('HKEYS', key('replaced')),
}
