#!lua
-- Appends updates that were not seen yet to their lanes.
-- KEYS, seven per update: seen piece, lane, lease of the lane, doorbell of the lane, active chats, set while the bot's worker
--   has too much, set while the bot is far behind in the lane.
-- ARGV: seen TTL in s, largest backlog, doorbell TTL in s, now in s, active s; then per update: bit, chat, bot,
--   request id, update as JSON.
-- Answer per update: one of the letters of intake.Outcome.
-- include: append_to_lane
-- include: must_ring
-- include: takes_no_more
local answers = {}
for i = 0, #KEYS / 7 - 1 do
  local seen, lane, lease, doorbell, active, full, behind = unpack(KEYS, i * 7 + 1, i * 7 + 7)
  local bit, chat, bot, request, update = unpack(ARGV, i * 5 + 6, i * 5 + 10)
  if redis.call('GETBIT', seen, bit) == 1 then
    answers[i + 1] = 'd'
  elseif takes_no_more(lane, behind, ARGV[2]) or redis.call('EXISTS', full) == 1 then
    answers[i + 1] = 'f'
  else
    redis.call('SETBIT', seen, bit, 1)
    redis.call('EXPIRE', seen, ARGV[1])
    append_to_lane(lane, bot, chat, request, update)
    redis.call('ZADD', active, ARGV[4], chat)
    redis.call('EXPIRE', active, ARGV[5])
    if bit % 64 == 0 then
      redis.call('ZREMRANGEBYSCORE', active, '-inf', ARGV[4] - ARGV[5])
    end
    answers[i + 1] = must_ring(lease, doorbell, ARGV[3]) and 'r' or 'a'
  end
end
return answers
