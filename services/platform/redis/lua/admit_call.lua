#!lua
-- Whether an API that may have failed may be called.
-- KEYS: breaker. ARGV: how long it stays open in ms, how long a probe may take in ms.
-- Answer: "closed", "probe" (the one that tries whether it is well again), or "open".
local opened, probe = unpack(redis.call('HMGET', KEYS[1], 'opened', 'probe'))
if not opened then return 'closed' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < opened + ARGV[1] then return 'open' end
if probe and now < probe + ARGV[2] then return 'open' end
redis.call('HSET', KEYS[1], 'probe', now)
return 'probe'
