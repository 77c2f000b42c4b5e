#!lua
-- Gives a shard back unless something new came.
-- KEYS: lease, active bots, then per bot its outboxes.
-- ARGV: token of the lease, outboxes of a bot, then per bot: bot, moment in ms from which it may go on, cursor of each
--   outbox.
-- Answer: 1 when left, 0 to go on.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 1 end
local per_bot = tonumber(ARGV[2])
local known, waiting = {}, {}
for i = 0, (#KEYS - 2) / per_bot - 1 do
  local k, a = 3 + per_bot * i, 3 + (per_bot + 2) * i
  local left = 0
  for j = 0, per_bot - 1 do
    if #redis.call('XRANGE', KEYS[k + j], '(' .. ARGV[a + 2 + j], '+', 'COUNT', 1) > 0 then return 0 end
    left = left + redis.call('XLEN', KEYS[k + j])
  end
  known[ARGV[a]] = true
  waiting[ARGV[a]] = left > 0 and ARGV[a + 1]
end
for _, bot in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if not known[bot] then return 0 end
end
for bot, moment in pairs(waiting) do
  if moment then
    redis.call('ZADD', KEYS[2], moment, bot)
  else
    redis.call('ZREM', KEYS[2], bot)
  end
end
redis.call('DEL', KEYS[1])
return 1
