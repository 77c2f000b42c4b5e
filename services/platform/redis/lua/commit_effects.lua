#!lua
-- Writes what handled updates want, if the lane is still ours.
-- KEYS: lease, lane, attempts, suspects; then per `send` the bot's outbox, the shard's active bots, wake stream, lease
--   and doorbell, per `state` the conversation or the kept payload, per `hand` the worker's incoming, heads, count, full,
--   numbers, wake, and what is held of the chat.
-- ARGV: token of the lease, doorbell TTL in s; then operations: `ack` entry id, marked (1 when counters of it may
--   exist) · `send` bot, shard, chat, request id, call · `state` value ("" ends it), TTL in s · `hand` bot, public id, ordered,
--   backlog at which the worker's queue is full, chat, request id, start, update. What follows an `ack` belongs to it, and
--   counts only if its entry was still there.
-- Answer: the shards to ring, or false when the lease is not ours.
-- include: append_to_outbox
-- include: work
-- include: must_ring
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local k, a, real = 5, 3, false
local rings = {}
while a <= #ARGV do
  local op = ARGV[a]
  if op == 'ack' then
    real = redis.call('XDEL', KEYS[2], ARGV[a + 1]) == 1
    if ARGV[a + 2] == '1' then
      redis.call('HDEL', KEYS[3], ARGV[a + 1])
      redis.call('HDEL', KEYS[4], ARGV[a + 1], ARGV[1] .. '/' .. ARGV[a + 1])
    end
    a = a + 3
  elseif op == 'send' then
    if real then
      local outbox, active, wake, lease, doorbell = unpack(KEYS, k, k + 4)
      local bot, shard, chat, request, call = unpack(ARGV, a + 1, a + 5)
      append_to_outbox(outbox, active, wake, bot, chat, request, call)
      if must_ring(lease, doorbell, ARGV[2]) then
        rings[#rings + 1] = tonumber(shard)
      end
    end
    k, a = k + 5, a + 6
  elseif op == 'hand' then
    if real then
      take_in(queue_of(KEYS, k, ARGV[a + 1]), KEYS[k + 6], unpack(ARGV, a + 2, a + 8))
    end
    k, a = k + 7, a + 9
  else
    if real then
      if ARGV[a + 1] == '' then
        redis.call('DEL', KEYS[k])
      else
        redis.call('SET', KEYS[k], ARGV[a + 1], 'EX', ARGV[a + 2])
      end
    end
    k, a = k + 1, a + 3
  end
end
return rings
