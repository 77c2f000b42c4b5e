#!lua
-- Puts sends on record before they leave, if the shard is still ours.
-- KEYS: lease of the shard, then per send its bot's journal. ARGV: token of the lease, then per send its flight.
-- Answer: 1 when all are on record, 0 when the lease is not ours any more, so that nothing may leave.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #KEYS do
  redis.call('HSET', KEYS[i], ARGV[i], '1')
end
return 1
