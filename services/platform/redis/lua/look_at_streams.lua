-- Looks at the streams of a bot whose program speaks to Redis itself.
-- KEYS: incoming, outgoing. ARGV: group, how many acknowledged updates to name at most, consumers that are ours.
-- Answer: entries of incoming, how many of them are given out, and to consumers of ours, those that were acknowledged, each as
--   entry id, chat and request, entries of outgoing, consumers of the group.
local incoming, group, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local length, calls = redis.call('XLEN', incoming), redis.call('XLEN', KEYS[2])
if redis.call('EXISTS', incoming) == 0 then return {0, 0, 0, {}, calls, 0} end
local found
for _, each in ipairs(redis.call('XINFO', 'GROUPS', incoming)) do
  local fields = {}
  for i = 1, #each, 2 do fields[each[i]] = each[i + 1] end
  if fields.name == group then found = fields end
end
if not found then return {length, 0, 0, {}, calls, 0} end
-- What is in the stream was not given out yet, is given out, or was acknowledged. Redis may not know the first.
local left = found.lag and length - found.pending - found.lag or length
local done, from = {}, '-'
while left > 0 and #done < most do
  local entries = redis.call('XRANGE', incoming, from, found['last-delivered-id'], 'COUNT', 64)
  if #entries == 0 then break end
  local pending, last = {}, entries[#entries][1]
  for _, each in ipairs(redis.call('XPENDING', incoming, group, entries[1][1], last, 64)) do pending[each[1]] = true end
  for _, entry in ipairs(entries) do
    if not pending[entry[1]] and #done < most then
      local fields = {}
      for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
      done[#done + 1] = {entry[1], fields.chat, fields.request}
      left = left - 1
    end
  end
  from = '(' .. last
end
local ours, names = 0, {}
for i = 3, #ARGV do names[ARGV[i]] = true end
for _, each in ipairs(found.pending > 0 and redis.call('XPENDING', incoming, group)[4] or {}) do
  if names[each[1]] then ours = ours + each[2] end
end
return {length, found.pending, ours, done, calls, found.consumers}
