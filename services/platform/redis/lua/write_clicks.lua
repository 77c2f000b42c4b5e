-- One batch of clicks.
-- KEYS: click stream, then the rate, rotation and load keys that the clicks of this batch name by number.
-- ARGV: two per click, the entry (JSON) and "rate limit reject rotation step load bot", numbers; a key number 0 = none.
-- Two answers per click: its position, -1 when nothing was written over the limit; and how many requests of its client
-- were counted this minute, its own included, 0 when they are not counted.
local answers = {}
for i = 1, #ARGV, 2 do
  local rate, limit, reject, rotation, step, load, bot =
    string.match(ARGV[i + 1], '(%d+) (%d+) (%d) (%d+) (%d) (%d+) (%d+)')
  local count, over, position = 0, 0, 0
  if rate ~= '0' then
    local key = KEYS[tonumber(rate)]
    count = redis.call('INCR', key)
    if count == 1 then redis.call('EXPIRE', key, 120) end
    if count > tonumber(limit) then over = 1 end
  end
  if over == 1 and reject == '1' then
    position = -1
  else
    if rotation ~= '0' then
      local key = KEYS[tonumber(rotation)]
      if step == '1' then position = redis.call('INCR', key) - 1
      else position = tonumber(redis.call('GET', key) or '0') end
    end
    if load ~= '0' then
      local key = KEYS[tonumber(load)]
      redis.call('HINCRBY', key, bot, 1)
      redis.call('EXPIRE', key, 360)
    end
    redis.call('XADD', KEYS[1], '*', 'd', ARGV[i], 'n', position, 'o', over)
  end
  answers[#answers + 1] = position
  answers[#answers + 1] = count
end
return answers
