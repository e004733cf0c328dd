-- Removes what an interrupted rebuild has left, some of it at a time: the keys that only the commits name before them.
local token, most = take(), tonumber(take())
if not is_rebuilt_by(token) then return 'taken' end
local records = redis.call('LRANGE', key('commits'), -most, -1)
if #records > 0 then
  for _, record in ipairs(records) do
    local commit = cjson.decode(record)
    local filters = key('filter:' .. integer(commit[1]) .. ':')
    for _, file in ipairs(commit[5]) do redis.call('UNLINK', filters .. file[2]) end
  end
  redis.call('LTRIM', key('commits'), 0, -#records - 1)
  return 'more'
end
local bucket = read_buckets()[1]
if bucket then
  for shard = 0, 255 do redis.call('UNLINK', shard_key(bucket.name, shard)) end
  redis.call('HDEL', key('ids'), bucket.name)
  return 'more'
end
for _, instance in ipairs(redis.call('SMEMBERS', key('instances'))) do
  redis.call('DEL', key('counters:' .. instance), key('instance:' .. instance), key('pending:' .. instance))
end
local names = {
  'alive', 'commits', 'committed', 'counters', 'duplicates', 'ids', 'instances', 'merged', 'owners', 'partitions',
  'purges', 'rebuilt', 'replaced', 'replays', 'settings', 'unpublished', 'unremoved', 'unremoved_replaced',
}
for _, name in ipairs(names) do redis.call('UNLINK', key(name)) end
redis.call('HDEL', lake, 'last_sequence', 'last_commit_ms', 'ids_added')
redis.call('HSET', lake, 'sequence', '0')
return 'cleared'
