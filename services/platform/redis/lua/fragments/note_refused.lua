-- Counts what a program wanted and cannot have, and keeps what is told of the last of it.
local function note_refused(refused, count, text, ttl)
  redis.call('HINCRBY', refused, 'count', count)
  redis.call('HSET', refused, 'text', text, 'at', redis.call('TIME')[1])
  redis.call('EXPIRE', refused, ttl)
end
