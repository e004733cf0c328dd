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

-- Ends an instance: its counters join those of the lake, and what it would commit yet is refused.
local function end_instance(instance)
  local counters = redis.call('HGETALL', key('counters:' .. instance))
  for i = 1, #counters, 2 do
    local by = string.find(counters[i + 1], '[.e]') and 'HINCRBYFLOAT' or 'HINCRBY'
    redis.call(by, key('counters'), counters[i], counters[i + 1])
  end
  redis.call('ZREM', key('alive'), instance)
  redis.call('DEL', key('counters:' .. instance), key('instance:' .. instance), key('pending:' .. instance))
end
