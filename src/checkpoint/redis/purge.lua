-- Notes files as purged, before they are removed.
for _ = 1, tonumber(take()) do
  local path, purged, filter = take(), take(), take()
  if redis.call('HSETNX', key('purges'), path, purged) == 1 then
    redis.call('SADD', key('unremoved'), path)
  end
  redis.call('UNLINK', key(filter))
end
return 'purged'
