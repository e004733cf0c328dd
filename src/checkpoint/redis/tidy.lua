-- Expired ids and recorded duplicates go. Redis drops them by itself later, where no process runs.
local now, ttl, duplicate_ttl, most = tonumber(take()), tonumber(take()), tonumber(take()), take()
local gone, left = 0, 0
for _, bucket in ipairs(read_buckets()) do
  if ttl > 0 and bucket.newest <= now - ttl then
    for shard = 0, 255 do redis.call('UNLINK', shard_key(bucket.name, shard)) end
    redis.call('HDEL', key('ids'), bucket.name)
    gone = gone + bucket.count
  else
    left = left + bucket.count
  end
end
if duplicate_ttl > 0 then
  local until_ms = integer(now - duplicate_ttl)
  local found = redis.call('ZRANGEBYSCORE', key('duplicates'), '-inf', until_ms, 'LIMIT', '0', most)
  for _, sequence in ipairs(found) do
    redis.call('UNLINK', key('duplicates:' .. sequence), key('filter:' .. sequence .. ':'))
    redis.call('ZREM', key('duplicates'), sequence)
  end
end
return { integer(gone), integer(left) }
