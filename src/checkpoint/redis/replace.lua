-- Makes a merged file take the place of others, or finds out why it must not. Everything is checked before the
-- first write. What was read back from the lake's files is checked against nothing.
local mode, instance, sequence, previous = take(), take(), take(), take()
local committed_ms, record, merged_path, replaced_text = tonumber(take()), take(), take(), take()
local is_adopted = mode == 'adopt'

local state = state_of(instance)
if state == 'lost' then return state end
if is_made(instance, sequence, state) then return 'committed' end
if state == 'expelled' then return 'refused' end
if redis.call('HGET', key('instance:' .. instance), 'last') ~= previous then return 'lost' end
if is_withdrawn(instance, sequence) then return 'refused' end

local sources = {}
for i = 1, tonumber(take()) do sources[i] = { path = take(), sequence = take() } end
for _, source in ipairs(sources) do
  if not is_adopted then
    if not is_committed(source.sequence) then return 'refused' end
    if redis.call('HEXISTS', key('replaced'), source.path) == 1 then return 'refused' end
    -- Its process, or another one for it, may still be giving it its name.
    if redis.call('HEXISTS', key('unpublished'), source.sequence) == 1
      and redis.call('SISMEMBER', key('pending:' .. instance), source.sequence) == 0 then
      return 'refused'
    end
  end
end

add_commit(instance, sequence, committed_ms, record, false)
for _, source in ipairs(sources) do
  if redis.call('HSETNX', key('replaced'), source.path, sequence) == 1 then
    redis.call('ZADD', key('unremoved_replaced'), integer(committed_ms), source.path)
  end
  redis.call('HDEL', key('merged'), source.path)
  redis.call('UNLINK', key('filter:' .. source.sequence .. ':' .. source.path))
end
redis.call('HSET', key('merged'), merged_path, replaced_text)
add_filters(sequence, tonumber(take()))
write_counters(instance)
return 'committed'
