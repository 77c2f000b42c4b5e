-- Notes how a call of an API ended. Those that failed in a row open its breaker; one that went well closes it.
-- KEYS: breaker. ARGV: 1 when it went well, failures that open it, how long it stays open in ms.
-- Answer: 1 when this call has opened it, else 0.
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[1])
  return 0
end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 10)
if failures < tonumber(ARGV[2]) then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'opened', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HDEL', KEYS[1], 'probe')
return 1
