#!lua
-- Deletes broadcasts' calls from their outboxes and notes what came of them, each once.
-- KEYS: the stream of outcomes, then per call its outbox. ARGV, four per call: entry id, broadcast, person, outcome as JSON.
-- Answer: how many.
local number = 0
for i = 0, #KEYS - 2 do
  local entry, broadcast, person, outcome = unpack(ARGV, i * 4 + 1, i * 4 + 4)
  if redis.call('XDEL', KEYS[i + 2], entry) == 1 then
    redis.call('XADD', KEYS[1], '*', 'broadcast', broadcast, 'person', person, 'outcome', outcome)
    number = number + 1
  end
end
return number
