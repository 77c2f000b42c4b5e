-- Forgets the consumers of a bot's group that hold nothing and have not asked for a while: programs make a name for each start.
-- KEYS: incoming. ARGV: group, milliseconds without a question.
-- Answer: how many were forgotten. One that still waits is made again when it gets something.
local gone = 0
for _, each in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local fields = {}
  for i = 1, #each, 2 do fields[each[i]] = each[i + 1] end
  if fields.pending == 0 and fields.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], fields.name)
    gone = gone + 1
  end
end
return gone
