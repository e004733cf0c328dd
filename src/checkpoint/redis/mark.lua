-- Marks dead letters as replayed, all or none.
local count = tonumber(take())
local marks = {}
for i = 1, count * 2 do marks[i] = take() end
for i = 1, #marks, 2 do
  if redis.call('HEXISTS', key('replays'), marks[i]) == 1 then return 'replayed' end
end
for i = 1, #marks, 2 do redis.call('HSET', key('replays'), marks[i], marks[i + 1]) end
return 'marked'
