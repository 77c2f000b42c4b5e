#!lua
-- Appends a call to an outbox from outside a handler.
-- KEYS: the bot's outbox, the shard's active bots, wake stream, lease and doorbell.
-- ARGV: bot, doorbell TTL in s, chat, request id, call.
-- Answer: 1 when the doorbell is to be rung, else 0.
-- include: append_to_outbox
-- include: must_ring
append_to_outbox(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], ARGV[5])
return must_ring(KEYS[4], KEYS[5], ARGV[2]) and 1 or 0
