-- Before each script. KEYS[1] is `orilla:{LAKE}:lake`; all other keys of the lake have its prefix, and with
-- the braces its hash slot.
local lake = KEYS[1]
local prefix = string.sub(lake, 1, -5)

local function key(name)
  return prefix .. name
end

local taken = 0
-- The next argument.
local function take()
  taken = taken + 1
  return ARGV[taken]
end

-- Lua would write large integers as 1e+15.
local function integer(number)
  return string.format('%.0f', number)
end

-- Milliseconds since 1970-01-01 UTC by this server's clock.
local function server_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Whether one decimal number is less than another: offsets have up to 64 bits, Lua's numbers hold 53.
local function is_less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- 'live'; 'expelled' where it left or was expelled; 'lost' where the server does not know it (any more).
local function state_of(instance)
  if redis.call('EXISTS', lake) == 0 then return 'lost' end
  if redis.call('SISMEMBER', key('instances'), instance) == 0 then return 'lost' end
  if not redis.call('ZSCORE', key('alive'), instance) then return 'expelled' end
  return 'live'
end

-- Seen ids lie in sets, 256 for each time bucket, by the first byte of the id's hash. The registry says of each
-- bucket when its newest ids were committed, how many it has, and when Redis drops it by itself, 0 for never.
local ID_BYTES = 15
local MOST_AT_ONCE = 5000

local function read_buckets()
  local buckets = {}
  local rows = redis.call('HGETALL', key('ids'))
  for i = 1, #rows, 2 do
    local newest, count, expires = string.match(rows[i + 1], '^(%d+) (%d+) (%d+)$')
    buckets[#buckets + 1] = {
      name = rows[i],
      newest = tonumber(newest),
      count = tonumber(count),
      expires = tonumber(expires),
    }
  end
  return buckets
end

-- How many ids the lake holds, expired ones that were not dropped yet among them.
local function seen_count()
  local count = 0
  for _, bucket in ipairs(read_buckets()) do count = count + bucket.count end
  return integer(count)
end

-- How often ids were added: who asked for ids and finds it as it was then knows that their answers still hold.
local function ids_added()
  return redis.call('HGET', lake, 'ids_added') or '0'
end

-- The buckets that may hold ids within the time to live; 0 is for ever.
local function live_buckets(now, ttl)
  local live = {}
  for _, bucket in ipairs(read_buckets()) do
    if ttl == 0 or bucket.newest > now - ttl then live[#live + 1] = bucket end
  end
  return live
end

local function shard_key(bucket, shard)
  return prefix .. 'ids:' .. bucket .. ':' .. shard
end

-- Ids, which lie in the order of their first bytes, by shard; a shard with many ids is there several times.
local function split_ids(ids)
  local shards, at, length = {}, 1, #ids
  while at <= length do
    local first, members, count = string.byte(ids, at), {}, 0
    while at <= length and count < MOST_AT_ONCE and string.byte(ids, at) == first do
      count = count + 1
      members[count] = string.sub(ids, at + 1, at + ID_BYTES - 1)
      at = at + ID_BYTES
    end
    shards[#shards + 1] = { number = first, members = members }
  end
  return shards
end

-- Which of a shard's members are in a bucket: 1 or 0 for each.
local function found_in(bucket, shard)
  return redis.call('SMISMEMBER', shard_key(bucket.name, shard.number), unpack(shard.members))
end

-- Adds to a counter of the lake.
local function add_to_counter(field, by)
  local held = redis.call('HGET', key('counters'), field) or '0'
  -- A sum of fractions may be a whole number for once.
  local command = string.find(held .. by, '[.e]') and 'HINCRBYFLOAT' or 'HINCRBY'
  redis.call(command, key('counters'), field, by)
end

-- Ends an instance: its counters join those of the lake, and what it would commit yet is refused.
local function end_instance(instance)
  local counters = redis.call('HGETALL', key('counters:' .. instance))
  for i = 1, #counters, 2 do add_to_counter(counters[i], counters[i + 1]) end
  redis.call('ZREM', key('alive'), instance)
  redis.call('DEL', key('counters:' .. instance), key('instance:' .. instance), key('pending:' .. instance))
end

-- The version of the keys while they are made anew: no process opens them.
local REBUILDING = 'rebuilding'

-- Whether the lake's keys are being made anew, and by this process.
local function is_rebuilt_by(token)
  return redis.call('HGET', lake, 'schema_version') == REBUILDING
    and redis.call('HGET', lake, 'rebuild_token') == token
end

-- Whether a commit of that number was made.
local function is_committed(sequence)
  return redis.call('GETBIT', key('committed'), sequence) == 1
end

-- Whether an instance's newest commit was made, whose answer it may not have had. Of one that has ended since the
-- number alone is left.
local function is_made(instance, sequence, state)
  if state == 'live' then return redis.call('HGET', key('instance:' .. instance), 'last') == sequence end
  return is_committed(sequence)
end

-- Whether an instance has given up the commit of that number: a try that is still on its way must not make it.
local function is_withdrawn(instance, sequence)
  local withdrawn = redis.call('HGET', key('instance:' .. instance), 'withdrawn')
  return withdrawn and not is_less(withdrawn, sequence)
end

-- Adds a commit to the lake's list.
local function list_commit(sequence, committed_ms, record)
  redis.call('RPUSH', key('commits'), record)
  redis.call('SETBIT', key('committed'), sequence, 1)
  if is_less(redis.call('HGET', lake, 'last_sequence') or '0', sequence) then
    redis.call('HSET', lake, 'last_sequence', sequence)
  end
  if tonumber(redis.call('HGET', lake, 'last_commit_ms') or '-1') < committed_ms then
    redis.call('HSET', lake, 'last_commit_ms', integer(committed_ms))
  end
end

-- Adds a commit of an instance; whoever commits again has published what it committed before.
local function add_commit(instance, sequence, committed_ms, record, is_empty)
  list_commit(sequence, committed_ms, record)
  redis.call('HSET', key('instance:' .. instance), 'last', sequence)
  local pending = key('pending:' .. instance)
  for _, published in ipairs(redis.call('SMEMBERS', pending)) do
    redis.call('HDEL', key('unpublished'), published)
  end
  redis.call('DEL', pending)
  if is_empty then return end
  redis.call('HSET', key('unpublished'), sequence, record)
  redis.call('SADD', pending, sequence)
end

-- Takes what a commit handled of a partition.
local function take_range()
  return {
    partition = take(), first = take(), next = take(),
    counts = { tonumber(take()), tonumber(take()), tonumber(take()) },
  }
end

-- Where a partition stands, from what is kept of it; `0` where nothing is.
local function read_partition(known)
  if not known then return '0', 0, 0, 0 end
  return string.match(known, '^(%d+) (%d+) (%d+) (%d+)$')
end

-- What is kept of a partition once a range of it is committed. One that is read back may lie before its next offset.
local function partition_after(range, known)
  local next, published, duplicate, rejected = read_partition(known)
  return table.concat({
    is_less(next, range.next) and range.next or next,
    integer(published + range.counts[1]),
    integer(duplicate + range.counts[2]),
    integer(rejected + range.counts[3]),
  }, ' ')
end

-- Adds ids to a bucket, which Redis drops by itself after so many milliseconds; 0 is for ever.
local function add_ids(bucket, committed_ms, shards, ttl_left)
  local added, newest, count = 0, committed_ms, 0
  for _, known in ipairs(read_buckets()) do
    if known.name == bucket then newest, count = math.max(newest, known.newest), known.count end
  end
  for _, shard in ipairs(shards) do
    local name = shard_key(bucket, shard.number)
    added = added + redis.call('SADD', name, unpack(shard.members))
    -- Not all at once, since a large set takes a moment to go.
    if ttl_left > 0 then redis.call('PEXPIRE', name, ttl_left + shard.number * 100) end
  end
  redis.call('HINCRBY', lake, 'ids_added', 1)
  local expires = ttl_left > 0 and server_ms() + ttl_left or 0
  local row = { integer(newest), integer(count + added), integer(expires) }
  redis.call('HSET', key('ids'), bucket, table.concat(row, ' '))
end

-- Sets what a trace goes by, for so many milliseconds; 0 is for ever.
local function set_trace(name, value, trace_ms)
  if trace_ms > 0 then redis.call('SET', name, value, 'PX', trace_ms) else redis.call('SET', name, value) end
end

-- Takes the filters of a commit's files.
local function add_filters(sequence, trace_ms)
  for _ = 1, tonumber(take()) do
    local path, filter = take(), take()
    set_trace(key('filter:' .. sequence .. ':' .. path), filter, trace_ms)
  end
end

-- Takes an instance's counters, in place of those that it had.
local function write_counters(instance)
  local counters = {}
  for i = 1, tonumber(take()) * 2 do counters[i] = take() end
  redis.call('DEL', key('counters:' .. instance))
  if #counters > 0 then redis.call('HSET', key('counters:' .. instance), unpack(counters)) end
end
