#!lua
-- Puts sends on record before they leave, if the shard is still ours and nobody has halted them.
-- KEYS: lease of the shard, then per send its bot's journal and the mark that halts it. ARGV: token of the lease, then per
--   send its flight.
-- Answer per send: 1 when it is on record, -1 when it is halted; 0 for each when the lease is not ours any more.
local ours = redis.call('GET', KEYS[1]) == ARGV[1]
local answers = {}
for i = 2, #ARGV do
  local journal, halted = KEYS[i * 2 - 2], KEYS[i * 2 - 1]
  if not ours then
    answers[i - 1] = 0
  elseif redis.call('EXISTS', halted) == 1 then
    answers[i - 1] = -1
  else
    redis.call('HSET', journal, ARGV[i], '1')
    answers[i - 1] = 1
  end
end
return answers
