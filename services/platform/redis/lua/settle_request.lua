-- Keeps the answer to a request beside its claim, or frees its idempotency key. Only the owner of the claim does either.
-- KEYS: record, the account's index, the caller's index.
-- ARGV: name in the indexes, owner, sealed answer ("" frees the key), life of an answer in s.
-- Answer: 1, or 0 when the claim was no longer the owner's.
-- include: index_request
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
  return redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'answer', ARGV[3])
redis.call('HDEL', KEYS[1], 'owner')
redis.call('EXPIRE', KEYS[1], ARGV[4])
index_request(KEYS[2], KEYS[3], ARGV[1], redis.call('TIME')[1] + ARGV[4])
return 1
