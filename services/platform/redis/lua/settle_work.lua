-- Settles an update that a program holds, has its answers sent, and offers the next one of its chat: one step.
-- KEYS: incoming, heads, count, full, numbers, wake, what is held of the chat, the mark of a replay; then per call the bot's
--   outbox, the shard's active bots, wake stream, lease and doorbell.
-- ARGV: bot, group, entry id, backlog at which the queue is full, doorbell TTL in s; then per call: shard, chat, request id,
--   call.
-- Answer: for how many ms the program had it, and the shards to ring, or false when nobody holds the entry any more; then nothing was done.
-- include: work
-- include: append_to_outbox
-- include: must_ring
local q, group, id = queue_of(KEYS, 1, ARGV[1]), ARGV[2], ARGV[3]
if not is_leased(q, group, id) then return false end
local held = redis.call('XPENDING', q.incoming, group, id, id, 1)[1][3]
local fields = entry_of(q, id)
redis.call('XACK', q.incoming, group, id)
redis.call('XDEL', q.incoming, id)
redis.call('DEL', KEYS[8])
if not fields then return false end
if redis.call('HGET', q.heads, fields.chat) == id then
  local following = redis.call('LPOP', KEYS[7], 3)
  if following then
    redis.call('DECR', q.count)
    local entry = offer(q, fields.bot_id, fields.chat, following[1], following[2], 0, following[3])
    redis.call('HSET', q.heads, fields.chat, entry)
  else
    redis.call('HDEL', q.heads, fields.chat)
  end
end
if lag_of(q) < ARGV[4] * 0.9 then redis.call('DEL', q.full) end
local rings = {held}
for i = 0, (#KEYS - 8) / 5 - 1 do
  local outbox, active, wake, lease, doorbell = unpack(KEYS, i * 5 + 9, i * 5 + 13)
  local shard, chat, request, call = unpack(ARGV, i * 4 + 6, i * 4 + 9)
  append_to_outbox(outbox, active, wake, q.bot, chat, request, call)
  if must_ring(lease, doorbell, ARGV[5]) then rings[#rings + 1] = tonumber(shard) end
end
return rings
