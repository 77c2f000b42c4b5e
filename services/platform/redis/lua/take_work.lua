#!lua
-- Gives a program of a bot's worker what it may take, after taking back what others did not answer in time.
-- KEYS: incoming, heads, count, full, numbers, wake, seen.
-- ARGV: bot, group, consumer, how many, lease in ms, deliveries after which an update is given up, TTL of `seen` in s, 0
--   for one who is no program.
-- Answer: the entries taken, and those that are to be given up, each as XRANGE gives it.
-- include: work
local q = queue_of(KEYS, 1, ARGV[1])
if ARGV[7] ~= '0' then redis.call('SET', KEYS[7], redis.call('TIME')[1], 'EX', ARGV[7]) end
if redis.call('EXISTS', q.incoming) == 0 then return {{}, {}} end
local late = redis.call('XPENDING', q.incoming, ARGV[2], 'IDLE', ARGV[5], '-', '+', 64)
local exhausted = take_back(q, ARGV[2], late, ARGV[6])
local taken = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', q.incoming, '>')
return {taken and taken[1][2] or {}, exhausted}
