-- Pushes out the deadlines of leases that are still ours.
-- KEYS: leases. ARGV: of each its token and its TTL in ms.
-- Answer per lease: 1 when renewed, 0 when no longer ours.
local answers = {}
for i, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[2 * i - 1] then
    answers[i] = redis.call('PEXPIRE', lease, ARGV[2 * i])
  else
    answers[i] = 0
  end
end
return answers
