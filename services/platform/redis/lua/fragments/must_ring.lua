-- Whether a job is to be queued for a lane or shard: nobody holds its lease, and its doorbell is not ringing yet.
local function must_ring(lease, doorbell, seconds)
  return redis.call('EXISTS', lease) == 0 and redis.call('SET', doorbell, '1', 'NX', 'EX', seconds) and true
end
