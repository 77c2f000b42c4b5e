-- Gives a lane back unless there is more in it.
-- KEYS: lease, lane, suspects. ARGV: token of the lease.
-- Answer: 1 when left, 0 to go on.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 1 end
if redis.call('XLEN', KEYS[2]) > 0 then return 0 end
redis.call('DEL', KEYS[1], KEYS[3])
return 1
