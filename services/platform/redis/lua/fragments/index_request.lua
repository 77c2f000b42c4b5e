-- Counts a request that is remembered until `ends` (s), in two indexes that end with the last of theirs.
local function index_request(account, caller, name, ends)
  for _, index in ipairs({account, caller}) do
    redis.call('ZADD', index, ends, name)
    redis.call('EXPIREAT', index, redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2])
  end
end
