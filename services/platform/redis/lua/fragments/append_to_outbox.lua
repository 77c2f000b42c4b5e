-- Appends a call to an outbox of a bot, and tells the sender of the shard when the bot had nothing to send until now;
-- the entry's id.
local function append_to_outbox(outbox, active, wake, bot, chat, request, call)
  local entry = redis.call('XADD', outbox, '*', 'chat', chat, 'request', request, 'call', call)
  if redis.call('ZADD', active, 'LT', 'CH', 0, bot) == 1 then
    redis.call('XADD', wake, 'MAXLEN', '~', 1000, '*', 'bot', bot)
  end
  return entry
end
