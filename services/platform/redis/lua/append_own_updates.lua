#!lua
-- Appends updates of our own making to the lanes of their chats. Whoever makes them sees to it that each is made once.
-- KEYS, four per update: lane, lease of the lane, doorbell of the lane, set while the bot is far behind in it.
-- ARGV: largest backlog, doorbell TTL in s; then per update: bot, chat, request id, update as JSON.
-- Answer per update: 1 when the doorbell of its lane is to be rung, 0 when not, -1 when the lane takes no more of the bot.
-- include: append_to_lane
-- include: must_ring
-- include: takes_no_more
local answers = {}
for i = 0, #KEYS / 4 - 1 do
  local lane, lease, doorbell, behind = unpack(KEYS, i * 4 + 1, i * 4 + 4)
  local bot, chat, request, update = unpack(ARGV, i * 4 + 3, i * 4 + 6)
  if takes_no_more(lane, behind, ARGV[1]) then
    answers[i + 1] = -1
  else
    append_to_lane(lane, bot, chat, request, update)
    answers[i + 1] = must_ring(lease, doorbell, ARGV[2]) and 1 or 0
  end
end
return answers
