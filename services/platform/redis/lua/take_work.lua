#!lua
-- Gives a program of a bot's worker what it may take, after taking back what others did not answer in time.
-- KEYS: incoming, heads, count, full, numbers, wake, seen.
-- ARGV: bot, group, consumer, how many, lease in ms, deliveries after which an update is given up, TTL of `seen` in s.
-- Answer: the entries taken, and those that are to be given up, each as XRANGE gives it.
-- include: work
local q = queue_of(KEYS, 1, ARGV[1])
redis.call('SET', KEYS[7], redis.call('TIME')[1], 'EX', ARGV[7])
if redis.call('EXISTS', q.incoming) == 0 then return {{}, {}} end
local exhausted = {}
for _, late in ipairs(redis.call('XPENDING', q.incoming, ARGV[2], 'IDLE', ARGV[5], '-', '+', 64)) do
  local id = late[1]
  local fields = entry_of(q, id)
  local attempt = fields and fields.attempt + (late[2] == 'untried' and 0 or 1)
  if fields and attempt >= tonumber(ARGV[6]) then
    exhausted[#exhausted + 1] = redis.call('XRANGE', q.incoming, id, id)[1]
  else
    redis.call('XACK', q.incoming, ARGV[2], id)
    redis.call('XDEL', q.incoming, id)
    if fields then
      local entry = offer(q, fields.bot_id, fields.chat, fields.request, fields.start, attempt, fields.update)
      if redis.call('HGET', q.heads, fields.chat) == id then redis.call('HSET', q.heads, fields.chat, entry) end
    end
  end
end
local taken = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', q.incoming, '>')
return {taken and taken[1][2] or {}, exhausted}
