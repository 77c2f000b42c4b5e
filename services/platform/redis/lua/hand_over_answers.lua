#!lua
-- Deletes calls from their outboxes and brings their answers to the lanes of those who wait for them, each once.
-- KEYS, four per call: outbox, lane, lease of the lane, doorbell of the lane.
-- ARGV: doorbell TTL in s; then per call: entry id, bot, chat, request id, update as JSON.
-- Answer per call: 1 when the doorbell of its lane is to be rung, else 0.
-- include: append_to_lane
-- include: must_ring
local answers = {}
for i = 0, #KEYS / 4 - 1 do
  local outbox, lane, lease, doorbell = unpack(KEYS, i * 4 + 1, i * 4 + 4)
  local entry, bot, chat, request, update = unpack(ARGV, i * 5 + 2, i * 5 + 6)
  answers[i + 1] = 0
  if redis.call('XDEL', outbox, entry) == 1 then
    append_to_lane(lane, bot, chat, request, update)
    answers[i + 1] = must_ring(lease, doorbell, ARGV[1]) and 1 or 0
  end
end
return answers
