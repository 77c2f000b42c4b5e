#!lua
-- Claims the idempotency key of a request, unless it is known or too many are remembered.
-- KEYS: record, the account's index, the caller's index. An index is a sorted set of records by the moment (s) they end.
-- ARGV: name in the indexes, fingerprint, owner, life of a claim in s, most of an account, most of a caller.
-- Answer: "fresh", "other", "running", "same" with the answer that is kept, or "full" with the seconds until there is room.
-- include: index_request
local name, fingerprint, owner, life = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = redis.call('HMGET', KEYS[1], 'fingerprint', 'answer')
if known[1] then
  if known[1] ~= fingerprint then return {'other', ''} end
  if not known[2] then return {'running', ''} end
  return {'same', known[2]}
end
local now = tonumber(redis.call('TIME')[1])
for i = 2, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[i + 3]) then
    local first = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
    return {'full', tostring(math.max(1, tonumber(first[2] or now) - now))}
  end
end
redis.call('HSET', KEYS[1], 'fingerprint', fingerprint, 'owner', owner)
redis.call('EXPIRE', KEYS[1], life)
index_request(KEYS[2], KEYS[3], name, now + life)
return {'fresh', ''}
