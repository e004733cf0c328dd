-- Makes a commit, or finds out why it must not be made; a rehearsal writes nothing. Everything is checked before
-- the first write: what a script has written stays.
local mode, instance, sequence, previous = take(), take(), take(), take()
local committed_ms, record, is_empty = tonumber(take()), take(), take() == '1'
local is_adopted = mode == 'adopt'

local state = state_of(instance)
if state == 'lost' then return { state } end
if is_made(instance, sequence, state) then return { 'committed', seen_count() } end
if not is_adopted then
  if state == 'expelled' then return { 'fenced' } end
  if redis.call('HGET', key('instance:' .. instance), 'last') ~= previous then return { 'lost' } end
  if is_withdrawn(instance, sequence) then return { 'withdrawn' } end
end

local ranges = {}
for i = 1, tonumber(take()) do ranges[i] = take_range() end
for _, range in ipairs(ranges) do
  local known = redis.call('HGET', key('partitions'), range.partition)
  if not is_adopted then
    local owner = redis.call('HGET', key('owners'), range.partition)
    if not owner or string.match(owner, '^%S+') ~= instance then return { 'fenced' } end
    local next = read_partition(known)
    if known and (is_less(range.first, next) or not is_less(next, range.next)) then return { 'fenced' } end
  end
  range.state = partition_after(range, known)
end

local ids, bucket, ttl, ttl_left, known_fresh = take(), take(), tonumber(take()), tonumber(take()), take()
local shards = split_ids(ids)
-- Where nobody has added ids since these were asked for, they are still as fresh as they were.
local is_known = known_fresh == ids_added()
if not is_adopted and not is_known then
  for _, live in ipairs(live_buckets(committed_ms, ttl)) do
    for _, shard in ipairs(shards) do
      local found = found_in(live, shard)
      for i = 1, #found do
        if found[i] == 1 then return { 'seen_meanwhile' } end
      end
    end
  end
end

local replays = {}
for i = 1, tonumber(take()) do replays[i] = { letter = take(), mark = take() } end
for _, replay in ipairs(replays) do
  if not is_adopted and redis.call('HEXISTS', key('replays'), replay.letter) == 1 then return { 'replayed' } end
end
if mode == 'rehearse' then return { 'committed', seen_count() } end

add_commit(instance, sequence, committed_ms, record, is_empty)
for _, range in ipairs(ranges) do
  redis.call('HSET', key('partitions'), range.partition, range.state)
end
for _, replay in ipairs(replays) do redis.call('HSETNX', key('replays'), replay.letter, replay.mark) end

if #ids > 0 then add_ids(bucket, committed_ms, shards, ttl_left) end

local trace_ms = tonumber(take())
add_filters(sequence, trace_ms)
local duplicates = tonumber(take())
if duplicates > 0 then
  local name = key('duplicates:' .. sequence)
  redis.call('HSET', name, 'found_at_ms', integer(committed_ms), 'count', integer(duplicates),
    'partitions', take(), 'records', take())
  if trace_ms > 0 then redis.call('PEXPIRE', name, trace_ms) end
  set_trace(key('filter:' .. sequence .. ':'), take(), trace_ms)
  redis.call('ZADD', key('duplicates'), integer(committed_ms), sequence)
end

write_counters(instance)
return { 'committed', seen_count(), ids_added() }
