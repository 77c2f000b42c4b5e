-- Writes the copy of a pool unless a fresher one is there.
-- KEYS: hash of snapshots. ARGV: pool id, version, JSON.
-- Answer: 1 when written, else 0.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and cjson.decode(there).version > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
