-- How many commits there are, which of their files were merged into others, and which commits are not known to be
-- published: as of one moment.
return {
  redis.call('LLEN', key('commits')),
  redis.call('HKEYS', key('replaced')),
  redis.call('HKEYS', key('unpublished')),
}
