-- Settles updates that a bot's program acknowledged in Redis itself, and offers the next ones of their chats: one step.
-- KEYS: incoming, heads, count, full, numbers, wake, seen; then per update what is held of its chat, the mark of a replay.
-- ARGV: bot, group, backlog at which the queue is full, TTL of `seen` in s; then the entries' ids.
-- Answer: how many were settled; those that another process settled, or that are given out again, are left alone.
-- include: work
local q, group, settled = queue_of(KEYS, 1, ARGV[1]), ARGV[2], 0
if redis.call('EXISTS', q.incoming) == 0 then return 0 end
for i = 5, #ARGV do
  local id, at = ARGV[i], 8 + (i - 5) * 2
  local fields = entry_of(q, id)
  if fields and #redis.call('XPENDING', q.incoming, group, id, id, 1) == 0 then
    finish(q, group, id, fields, KEYS[at], KEYS[at + 1])
    settled = settled + 1
  end
end
open_door(q, ARGV[3])
if settled > 0 then redis.call('SET', KEYS[7], redis.call('TIME')[1], 'EX', ARGV[4]) end
return settled
