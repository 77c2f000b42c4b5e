-- Whether a lane takes no more of a bot: it is full, or `behind` says that the bot is far behind in it.
local function takes_no_more(lane, behind, largest)
  return redis.call('XLEN', lane) >= tonumber(largest) or redis.call('EXISTS', behind) == 1
end
