-- How many commits there are, and which of their files were merged into others: as of one moment.
return { redis.call('LLEN', key('commits')), redis.call('HKEYS', key('replaced')) }
