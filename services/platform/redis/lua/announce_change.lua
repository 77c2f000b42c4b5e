-- Tells every process of a change. The message carries its generation, so that a listener that received it need not
-- treat the raised counter as a gap.
-- KEYS: generation. ARGV: channel, topic:id.
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ':' .. redis.call('INCR', KEYS[1]))
