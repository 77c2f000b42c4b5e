#!lua
-- Appends the calls in a topic's records to the outbox, each record once, and remembers how far that went: one step.
-- KEYS: moved; then per call the bot's outbox, the shard's active bots, wake stream, lease and doorbell.
-- ARGV: bot, partition, offset after the last record, doorbell TTL in s; then per call: offset, shard, chat, request id, call.
-- Answer: the shards to ring.
-- include: append_to_outbox
-- include: must_ring
local moved = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or 0)
if tonumber(ARGV[3]) <= moved then return {} end
local rings = {}
for i = 0, (#KEYS - 1) / 5 - 1 do
  local outbox, active, wake, lease, doorbell = unpack(KEYS, i * 5 + 2, i * 5 + 6)
  local offset, shard, chat, request, call = unpack(ARGV, i * 5 + 5, i * 5 + 9)
  if tonumber(offset) >= moved then
    append_to_outbox(outbox, active, wake, ARGV[1], chat, request, call)
    if must_ring(lease, doorbell, ARGV[4]) then rings[#rings + 1] = tonumber(shard) end
  end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return rings
