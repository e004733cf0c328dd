-- Which instances of a list have ended; those that give no sign of life are expelled.
local own, silent_ms = take(), tonumber(take())
local oldest = server_ms() - silent_ms
local ended = {}
for _ = 1, tonumber(take()) do
  local instance = take()
  local state = state_of(instance)
  if state == 'live' and instance ~= own
    and tonumber(redis.call('ZSCORE', key('alive'), instance)) <= oldest then
    end_instance(instance)
    state = 'expelled'
  end
  if state == 'expelled' then ended[#ended + 1] = instance end
end
return ended
