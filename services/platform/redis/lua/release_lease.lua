-- Gives a lease back if it is still ours.
-- KEYS: lease. ARGV: token.
-- Answer: 1 when given back, 0 when it was no longer ours.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
