-- Takes ids of a commit that was read back.
local token, ids, bucket, committed_ms, ttl_left = take(), take(), take(), tonumber(take()), tonumber(take())
if not is_rebuilt_by(token) then return 'taken' end
add_ids(bucket, committed_ms, split_ids(ids), ttl_left)
return 'added'
