#!lua
-- Puts claimed calls of a broadcast into outboxes, each person's once, if the ledger is still ours.
-- KEYS: lease of whoever works at the ledger, hash of what was given; then per call its outbox, the shard's active bots, wake
--   stream, lease and doorbell.
-- ARGV: token of the lease, doorbell TTL and TTL of the hash in s; then per call bot, chat, request id, call.
-- Answer: per call 1 when the doorbell of its shard is to be rung, else 0; false when the lease is not ours.
-- include: append_to_outbox
-- include: must_ring
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local rings = {}
for i = 0, (#ARGV - 3) / 4 - 1 do
  local outbox, active, wake, lease, doorbell = unpack(KEYS, i * 5 + 3, i * 5 + 7)
  local bot, chat, request, call = unpack(ARGV, i * 4 + 4, i * 4 + 7)
  rings[i + 1] = 0
  if redis.call('HEXISTS', KEYS[2], chat) == 0 then
    local entry = append_to_outbox(outbox, active, wake, bot, chat, request, call)
    redis.call('HSET', KEYS[2], chat, bot .. ':' .. entry)
    if must_ring(lease, doorbell, ARGV[2]) then rings[i + 1] = 1 end
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return rings
