#!lua
-- Takes an idle bot off the list of those with something to send, unless it has.
-- KEYS: active bots, attempts, journal, then the bot's outboxes. ARGV: bot.
-- Answer: 1 when it had nothing left, else 0.
for i = 4, #KEYS do
  if redis.call('XLEN', KEYS[i]) > 0 then return 0 end
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3])
return 1
