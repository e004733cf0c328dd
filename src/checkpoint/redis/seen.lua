-- How often ids were added until now; and for each id `1` where it was accepted within the time to live, else `0`.
local ids, now, ttl = take(), tonumber(take()), tonumber(take())
local buckets = live_buckets(now, ttl)
local answers = {}
for _, shard in ipairs(split_ids(ids)) do
  local is_seen = {}
  for i = 1, #shard.members do is_seen[i] = 0 end
  for _, bucket in ipairs(buckets) do
    local found = found_in(bucket, shard)
    for i = 1, #found do
      if found[i] == 1 then is_seen[i] = 1 end
    end
  end
  answers[#answers + 1] = table.concat(is_seen)
end
return { ids_added(), table.concat(answers) }
