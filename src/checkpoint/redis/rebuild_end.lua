-- Opens the keys that were made anew for all processes, if they have kept every commit.
local token, version, sequence, commit_count, ttl = take(), take(), take(), tonumber(take()), take()
if not is_rebuilt_by(token) then
  -- The answer of an earlier try was lost.
  local is_done = redis.call('HGET', lake, 'schema_version') == version
    and redis.call('HGET', lake, 'rebuild_token') == token
  return is_done and 'ended' or 'taken'
end
if redis.call('LLEN', key('commits')) ~= commit_count then return 'short' end
for _ = 1, tonumber(take()) do
  local instance = take()
  redis.call('SADD', key('instances'), instance)
  redis.call('SADD', key('rebuilt'), instance)
end
for _ = 1, tonumber(take()) do redis.call('HSET', key('settings'), take(), take()) end
redis.call('HSET', lake, 'schema_version', version, 'sequence', sequence, 'ttl_ms', ttl)
return 'ended'
