#!lua
-- Judges acts: sliding window, token bucket, cooldown, single use, kept payload.
-- KEYS per act: log of uses, bucket, notice; with a cooldown its key; of a single-use button its mark; of a kept
--   payload its key.
-- ARGV, one per act, ten numbers: update id; when the person acted, ms; window's limit (0: neither window nor bucket),
--   window ms; bucket's step ms (0: no bucket) and burst; cooldown ms (0: none); life of the used mark, ms (0: not
--   single-use); 1 when a payload is kept; ms in which the person is told once (0: nothing is told of an act that passes).
-- Answer per act: word ("ok" or a verdicts.Refusal), moment in ms from which to try again, 1 to tell the person,
--   payload.
-- The bucket is the moment it will be full again (GCRA), and behind a colon the latest act that it was filled for. What is refused is charged nowhere. Uses stay two
-- minutes longer than the window, for whatever comes again after a crash; those up to 5 s later count too, since acts of
-- one moment come from several processes in any order.
local k = 0
local function key(wanted)
  if not wanted then return nil end
  k = k + 1
  return KEYS[k]
end
local function judge(id, ...)
  local at, limit, window, step, burst, pause, lives, kept, quiet = ...
  local log, bucket, notice = key(true), key(true), key(true)
  local cool, used, payload = key(pause > 0), key(lives > 0), key(kept == 1)
  local function tell(span)
    return (redis.call('SET', notice, id, 'NX', 'PX', span) or redis.call('GET', notice) == id) and 1 or 0
  end
  local charge = limit > 0 and not redis.call('ZSCORE', log, id)
  local full, latest = at, at
  if charge then
    local from = string.format('(%.0f', at - window)
    if redis.call('ZCOUNT', log, from, at + 5000) >= limit then
      local first = redis.call('ZRANGE', log, from, at + 5000, 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
      return {'window', tonumber(first[2]) + window, tell(window), ''}
    end
    -- What is judged behind later acts, after a crash or an outage, meets a bucket that is filled up to their moments: it
    -- is measured from the last of them.
    local filled, last = string.match(redis.call('GET', bucket) or '0', '^(%d+):?(%d*)$')
    latest = math.max(at, tonumber(last) or 0)
    full = math.max(tonumber(filled), at) + step
    if step > 0 and full - latest > burst * step then
      return {'bucket', full - burst * step, tell(window), ''}
    end
  end
  if used then
    local user = redis.call('GET', used)
    if user and user ~= id then return {'replayed', 0, 1, ''} end
  end
  if cool then
    local former, since, told = string.match(redis.call('GET', cool) or '', '^(%d+):(%d+):(%d*)$')
    if former and former ~= id and at - since < pause then
      if told == '' then redis.call('SET', cool, former .. ':' .. since .. ':' .. id, 'KEEPTTL') end
      return {'cooldown', since + pause, (told == '' or told == id) and 1 or 0, ''}
    end
  end
  local text = ''
  if payload then
    text = redis.call('GET', payload)
    if not text then return {'lost', 0, 1, ''} end
  end
  if charge then
    redis.call('ZREMRANGEBYSCORE', log, '-inf', at - window - 120000)
    redis.call('ZADD', log, at, id)
    redis.call('PEXPIRE', log, window + 120000)
    if step > 0 then
      redis.call('SET', bucket, string.format('%.0f:%.0f', full, latest), 'PX', math.max(1, full - at))
    end
  end
  if used then redis.call('SET', used, id, 'PX', lives) end
  if cool then redis.call('SET', cool, id .. ':' .. at .. ':', 'PX', pause) end
  return {'ok', 0, quiet > 0 and tell(quiet) or 0, text}
end
local verdicts = {}
for i, act in ipairs(ARGV) do
  local numbers = {}
  local id, rest = string.match(act, '^(%d+) (.*)$')
  for number in string.gmatch(rest, '%d+') do numbers[#numbers + 1] = tonumber(number) end
  verdicts[i] = judge(id, unpack(numbers))
end
return verdicts
