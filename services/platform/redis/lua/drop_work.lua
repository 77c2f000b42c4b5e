-- Forgets all updates of a queue, those that are given out too: their leases are gone with them.
-- KEYS: incoming, heads, count, full. ARGV: what the names of lists of held updates begin with.
for _, chat in ipairs(redis.call('HKEYS', KEYS[2])) do redis.call('DEL', ARGV[1] .. chat) end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return 1
