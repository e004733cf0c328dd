-- Takes partitions over, unless a later generation of the same group has one of them: that of an instance that gives
-- no sign of life any more does not count, since a group that is made anew counts its generations from the beginning.
local instance, group, generation, silent_ms = take(), take(), tonumber(take()), tonumber(take())
local count, oldest = tonumber(take()), server_ms() - silent_ms
local state = state_of(instance)
if state ~= 'live' then return state end
local partitions = {}
for i = 1, count do partitions[i] = take() end
for _, partition in ipairs(partitions) do
  local owner = redis.call('HGET', key('owners'), partition)
  if owner and group ~= '' then
    local other, claimed, of_group = string.match(owner, '^(%S+) (%S+) (.*)$')
    local alive_ms = redis.call('ZSCORE', key('alive'), other)
    if of_group == group and other ~= instance and tonumber(claimed) > generation
      and alive_ms and tonumber(alive_ms) > oldest then
      return 'outdated'
    end
  end
end
local owner = instance .. ' ' .. integer(generation) .. ' ' .. group
local states = {}
for i, partition in ipairs(partitions) do
  redis.call('HSET', key('owners'), partition, owner)
  states[i] = redis.call('HGET', key('partitions'), partition)
end
return states
