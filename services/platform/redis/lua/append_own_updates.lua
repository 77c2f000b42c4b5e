#!lua
-- Appends updates of our own making to the lanes of their chats. Whoever makes them sees to it that each is made once.
-- KEYS, three per update: lane, lease of the lane, doorbell of the lane.
-- ARGV: largest backlog, doorbell TTL in s; then per update: bot, chat, request id, update as JSON.
-- Answer per update: 1 when the doorbell of its lane is to be rung, 0 when not, -1 when the lane takes no more.
-- include: append_to_lane
-- include: must_ring
local answers = {}
for i = 0, #KEYS / 3 - 1 do
  local lane, lease, doorbell = unpack(KEYS, i * 3 + 1, i * 3 + 3)
  local bot, chat, request, update = unpack(ARGV, i * 4 + 3, i * 4 + 6)
  if redis.call('XLEN', lane) >= tonumber(ARGV[1]) then
    answers[i + 1] = -1
  else
    append_to_lane(lane, bot, chat, request, update)
    answers[i + 1] = must_ring(lease, doorbell, ARGV[2]) and 1 or 0
  end
end
return answers
