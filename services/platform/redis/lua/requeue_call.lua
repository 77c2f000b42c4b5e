#!lua
-- Appends the call of a replayed dead letter to the outbox, once per replay.
-- KEYS: marker of the replay, the bot's outbox, the shard's active bots, wake stream, lease and doorbell.
-- ARGV: marker TTL in s, doorbell TTL in s, then bot, chat, request id, call.
-- Answer: the entry's id and 1 to ring, 0 not to.
-- include: append_to_outbox
-- include: must_ring
local known = redis.call('GET', KEYS[1])
if known then return {known, 0} end
local entry = append_to_outbox(KEYS[2], KEYS[3], KEYS[4], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
redis.call('SET', KEYS[1], entry, 'EX', ARGV[1])
return {entry, must_ring(KEYS[5], KEYS[6], ARGV[2]) and 1 or 0}
