#!lua
-- A sign of life of a process, and forgetting those that gave none for long. All times are this server's.
-- KEYS: the sign of life, all processes by their last one. ARGV: the process, seconds it has lived, seconds after which
-- the silent are forgotten, what else it says as a JSON object that is not empty.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local times = string.format('{"at": %.6f, "started_at": %.6f, ', now, now - ARGV[2])
redis.call('SET', KEYS[1], times .. string.sub(ARGV[4], 2), 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
