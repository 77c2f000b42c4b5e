-- A worker's queue (ADR 42): of a chat one update at a time is in the stream `incoming`; the others are held behind it.
-- `queue` has the keys incoming, heads, count, full, numbers, wake, by these names, and the number `bot`.
local function queue_of(keys, at, bot)
  local q = {bot = bot}
  q.incoming, q.heads, q.count, q.full, q.numbers, q.wake = unpack(keys, at, at + 5)
  return q
end

-- Puts an update where programs take it; the entry's id.
local function offer(q, public, chat, request, start, attempt, update)
  if redis.call('EXISTS', q.incoming) == 0 then
    redis.call('XGROUP', 'CREATE', q.incoming, public .. '_workers', '0', 'MKSTREAM')
  end
  if redis.call('EXISTS', q.numbers) == 0 then
    redis.call('SET', q.numbers, redis.call('TIME')[1])
  end
  local number = redis.call('INCR', q.numbers)
  redis.call('XADD', q.wake, 'MAXLEN', '~', 1000, '*', 'bot', q.bot)
  return redis.call('XADD', q.incoming, '*', 'bot_id', public, 'update', update, 'number', number, 'chat', chat,
    'request', request, 'start', start, 'attempt', attempt)
end

local function lag_of(q)
  return redis.call('XLEN', q.incoming) + (redis.call('GET', q.count) or 0)
end

-- Takes an update in: behind its chat's head where there is one, else into the stream.
local function take_in(q, held, public, ordered, most, chat, request, start, update)
  if ordered == '1' and redis.call('HEXISTS', q.heads, chat) == 1 then
    redis.call('RPUSH', held, request, start, update)
    redis.call('INCR', q.count)
  else
    local entry = offer(q, public, chat, request, start, 0, update)
    if ordered == '1' then redis.call('HSET', q.heads, chat, entry) end
  end
  if lag_of(q) >= tonumber(most) then redis.call('SET', q.full, '1') end
end

-- The fields of an entry by name; nil when it is not there.
local function entry_of(q, id)
  local found = redis.call('XRANGE', q.incoming, id, id)
  if #found == 0 then return nil end
  local fields = {}
  for i = 1, #found[1][2], 2 do fields[found[1][2][i]] = found[1][2][i + 1] end
  return fields
end

-- Whether a program holds the entry: it was delivered, and was not given back.
local function is_leased(q, group, id)
  if redis.call('EXISTS', q.incoming) == 0 then return false end
  local pending = redis.call('XPENDING', q.incoming, group, id, id, 1)
  return #pending == 1 and pending[1][2] ~= 'failed' and pending[1][2] ~= 'untried'
end
