#!lua
-- Reads the calls that a bot's program put into its stream; what is too large for a call is thrown away, and told.
-- KEYS: outgoing, refused, then the bot's outboxes. ARGV: how many calls may wait in the outboxes; how many entries to read,
--   of how many bytes together and each; bytes at which all is thrown away; what is told of an entry, and of all of them;
--   TTL of `refused` in s.
-- Answer: the entries, each as XRANGE gives it, how many there are, and how many bytes they take.
-- include: note_refused
local outgoing, refused = KEYS[1], KEYS[2]
local most_waiting, most, most_bytes, largest, too_much = unpack(ARGV, 1, 5)
local length = redis.call('XLEN', outgoing)
if length == 0 then
  redis.call('DEL', outgoing)
  return {{}, 0, 0}
end
local bytes = redis.call('MEMORY', 'USAGE', outgoing)
if bytes > tonumber(too_much) then
  redis.call('UNLINK', outgoing)
  note_refused(refused, length, ARGV[7], ARGV[8])
  return {{}, 0, 0}
end
local waiting = 0
for i = 3, #KEYS do waiting = waiting + redis.call('XLEN', KEYS[i]) end
local room, found, read, from = math.min(tonumber(most), most_waiting - waiting), {}, 0, '-'
while #found < room and read < tonumber(most_bytes) do
  local entry = redis.call('XRANGE', outgoing, from, '+', 'COUNT', 1)[1]
  if not entry then break end
  local size = 0
  for _, text in ipairs(entry[2]) do size = size + #text end
  if size > tonumber(largest) then
    redis.call('XDEL', outgoing, entry[1])
    note_refused(refused, 1, ARGV[6], ARGV[8])
  else
    found[#found + 1] = entry
    read = read + size
  end
  if entry[1] == '18446744073709551615-18446744073709551615' then break end  -- none can follow, and asking is an error
  from = '(' .. entry[1]
end
return {found, length, bytes}
