#!lua
-- Deletes broadcasts' calls from their outboxes, notes what came of them, each once, and halts a broadcast whose brake trips.
-- KEYS: the stream of outcomes, then per call its outbox, its broadcast's brake, the brake's last outcomes, and the mark that
--   halts it.
-- ARGV: TTL of the mark in s, outcomes that the brake looks at, outcomes before it says anything; then per call entry id,
--   broadcast, person, outcome as JSON, and "1" for a bad one, "0" for a good one, "" for one that says nothing.
-- Answer: how many.
local function trips(brake, last, bad)
  local limit = tonumber(redis.call('HGET', brake, 'limit') or 0)
  if limit == 0 then return false end
  redis.call('LPUSH', last, bad)
  local sum = redis.call('HINCRBY', brake, 'bad', bad)
  if redis.call('LLEN', last) > tonumber(ARGV[2]) then
    sum = redis.call('HINCRBY', brake, 'bad', -redis.call('RPOP', last))
  end
  redis.call('EXPIRE', last, ARGV[1])
  local seen = redis.call('LLEN', last)
  return seen >= tonumber(ARGV[3]) and sum * 100 > limit * seen
end
local number = 0
for i = 0, (#KEYS - 1) / 4 - 1 do
  local outbox, brake, last, halted = unpack(KEYS, i * 4 + 2, i * 4 + 5)
  local entry, broadcast, person, outcome, bad = unpack(ARGV, i * 5 + 4, i * 5 + 8)
  if redis.call('XDEL', outbox, entry) == 1 then
    redis.call('XADD', KEYS[1], '*', 'broadcast', broadcast, 'person', person, 'outcome', outcome)
    number = number + 1
    if bad ~= '' and trips(brake, last, bad) then
      redis.call('SET', halted, 'brake', 'EX', ARGV[1], 'NX')
    end
  end
end
return number
