-- Gives the ids of earlier commits the time to live that holds now.
local ttl, grace = tonumber(take()), tonumber(take())
for _, bucket in ipairs(read_buckets()) do
  local left = ttl == 0 and 0 or ttl + grace
  for shard = 0, 255 do
    local name = shard_key(bucket.name, shard)
    if left == 0 then
      redis.call('PERSIST', name)
    else
      redis.call('PEXPIRE', name, integer(left + shard * 100))
    end
  end
  local expires = left > 0 and server_ms() + left or 0
  local row = { integer(bucket.newest), integer(bucket.count), integer(expires) }
  redis.call('HSET', key('ids'), bucket.name, table.concat(row, ' '))
end
redis.call('HSET', lake, 'ttl_ms', integer(ttl))
return 'retained'
