-- Takes a lease that is free, that a dead holder left, or that is ours: the answer to the first try was lost.
-- KEYS: lease. ARGV: token, TTL in ms, token of the dead holder ("" for none).
-- Answer: false when taken, else the holder's token.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
