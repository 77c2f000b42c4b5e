-- Changes how long a program may still hold an update; or takes it from the program, to be offered again after a while.
-- KEYS: incoming. ARGV: group, entry id, consumer ("" leaves it where it is), idle time to give it in ms.
-- Answer: 1, or 0 when nobody holds it any more.
-- include: work
local q = {incoming = KEYS[1]}
if not is_leased(q, ARGV[1], ARGV[2]) then return 0 end
local consumer = ARGV[3]
if consumer == '' then
  consumer = redis.call('XPENDING', q.incoming, ARGV[1], ARGV[2], ARGV[2], 1)[1][2]
end
redis.call('XCLAIM', q.incoming, ARGV[1], consumer, 0, ARGV[2], 'IDLE', ARGV[4], 'JUSTID')
return 1
