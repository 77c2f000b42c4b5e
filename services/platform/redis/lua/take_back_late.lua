#!lua
-- Offers again what the program of a bot did not answer in time, or reads again and again without answering.
-- KEYS: incoming, heads, count, full, numbers, wake.
-- ARGV: bot, group, lease in ms, deliveries after which an update is given up.
-- Answer: the entries that are to be given up, each as XRANGE gives it.
-- include: work
local q, group, lease, most = queue_of(KEYS, 1, ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', q.incoming) == 0 then return {} end
local late = {}
for _, each in ipairs(redis.call('XPENDING', q.incoming, group, '-', '+', 1000)) do
  -- A program that reads what it holds is given it once more, and its lease begins anew: as often as others are.
  local is_late = each[3] >= lease
  if not is_late and each[4] > 1 then
    local fields = entry_of(q, each[1])
    is_late = not fields or fields.attempt + each[4] > most
  end
  if is_late then late[#late + 1] = each end
end
return take_back(q, group, late, most)
