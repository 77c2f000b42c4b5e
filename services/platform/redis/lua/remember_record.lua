-- Remembers where an update stands in its topic, and offers the next one of its chat, which the partition keeps behind it.
-- The update stays given out until its program's group has passed the record.
-- KEYS: incoming, heads, count, full, numbers, wake, what is held of the chat, records.
-- ARGV: bot, group, entry id, the record.
-- Answer: 1, or 0 when the entry is not there any more; then nothing was done.
-- include: work
local q = queue_of(KEYS, 1, ARGV[1])
if not is_leased(q, ARGV[2], ARGV[3]) then return 0 end
redis.call('HSET', KEYS[8], ARGV[3], ARGV[4])
offer_next(q, KEYS[7], entry_of(q, ARGV[3]), ARGV[3])
return 1
