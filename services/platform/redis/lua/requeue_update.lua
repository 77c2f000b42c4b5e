#!lua
-- Appends the update of a replayed dead letter to its lane, once per replay.
-- KEYS: marker of the replay, lane, lease of the lane, doorbell, set while the bot is far behind in the lane.
-- ARGV: marker TTL in s, doorbell TTL in s, largest backlog, then bot, chat, request id, update.
-- Answer: the entry's id and 1 to ring, 0 not to; false when the lane takes no more of the bot.
-- include: append_to_lane
-- include: must_ring
-- include: takes_no_more
local known = redis.call('GET', KEYS[1])
if known then return {known, 0} end
if takes_no_more(KEYS[2], KEYS[5], ARGV[3]) then return false end
local entry = append_to_lane(KEYS[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
redis.call('SET', KEYS[1], entry, 'EX', ARGV[1])
return {entry, must_ring(KEYS[3], KEYS[4], ARGV[2]) and 1 or 0}
