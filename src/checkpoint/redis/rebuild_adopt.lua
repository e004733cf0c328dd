-- Takes a commit that was read back from the lake's files, of an instance that has ended.
local token, sequence, committed_ms, record = take(), take(), tonumber(take()), take()
local trace_ms = tonumber(take())
if not is_rebuilt_by(token) then return 'taken' end
-- The answer of an earlier try was lost.
if is_committed(sequence) then return 'adopted' end
list_commit(sequence, committed_ms, record)
for _ = 1, tonumber(take()) do
  local range = take_range()
  local known = redis.call('HGET', key('partitions'), range.partition)
  redis.call('HSET', key('partitions'), range.partition, partition_after(range, known))
end
for _ = 1, tonumber(take()) do redis.call('HSETNX', key('replays'), take(), take()) end
local merged_path, replaced_text, replaced_count = take(), take(), tonumber(take())
for _ = 1, replaced_count do
  local path, is_there = take(), take() == '1'
  redis.call('HSET', key('replaced'), path, sequence)
  if is_there then redis.call('ZADD', key('unremoved_replaced'), integer(committed_ms), path) end
end
if replaced_count > 0 then redis.call('HSET', key('merged'), merged_path, replaced_text) end
add_filters(sequence, trace_ms)
for _ = 1, tonumber(take()) do add_to_counter(take(), take()) end
return 'adopted'
