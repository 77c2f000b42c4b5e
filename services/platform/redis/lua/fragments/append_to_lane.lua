-- Appends an update to the stream of its lane; the entry's id.
local function append_to_lane(lane, bot, chat, request, update)
  return redis.call('XADD', lane, '*', 'bot', bot, 'chat', chat, 'request', request, 'update', update)
end
