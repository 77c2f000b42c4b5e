#!lua
-- Moves calls from the stream of a bot's program to the bot's outboxes, each once; what cannot be called is dropped, and told.
-- KEYS: outgoing, refused, seen; then per call the outbox, the shard's active bots, wake stream, lease and doorbell.
-- ARGV: bot, doorbell TTL in s, TTL of `refused` and of `seen` in s, how many are dropped; per dropped one its entry's id and
--   what is told of it; then per call: entry id, shard, chat, request id, call.
-- Answer: the shards to ring. What another process has moved or dropped is left alone.
-- include: append_to_outbox
-- include: must_ring
-- include: note_refused
local outgoing, bot, rings, dropped = KEYS[1], ARGV[1], {}, tonumber(ARGV[5])
for i = 6, 4 + dropped * 2, 2 do
  if redis.call('XDEL', outgoing, ARGV[i]) == 1 then note_refused(KEYS[2], 1, ARGV[i + 1], ARGV[3]) end
end
local at = 6 + dropped * 2
for i = 0, (#KEYS - 3) / 5 - 1 do
  local outbox, active, wake, lease, doorbell = unpack(KEYS, i * 5 + 4, i * 5 + 8)
  local id, shard, chat, request, call = unpack(ARGV, i * 5 + at, i * 5 + at + 4)
  if redis.call('XDEL', outgoing, id) == 1 then
    append_to_outbox(outbox, active, wake, bot, chat, request, call)
    if must_ring(lease, doorbell, ARGV[2]) then rings[#rings + 1] = tonumber(shard) end
  end
end
-- Gone when empty: a program that gave an entry the highest id there is can go on, and whoever looks for work has less to ask.
if redis.call('XLEN', outgoing) == 0 then redis.call('DEL', outgoing) end
redis.call('SET', KEYS[3], redis.call('TIME')[1], 'EX', ARGV[4])
return rings
