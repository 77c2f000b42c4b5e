-- Forgets outcomes that are in the ledger, if it is still ours.
-- KEYS: lease of whoever works at the ledger, stream of outcomes, then per outcome the hash of what its broadcast was given.
-- ARGV: token of the lease, then per outcome its entry and the person.
-- Answer: 1, or 0 when the lease is not ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 0, #KEYS - 3 do
  redis.call('XDEL', KEYS[2], ARGV[i * 2 + 2])
  redis.call('HDEL', KEYS[i + 3], ARGV[i * 2 + 3])
end
return 1
