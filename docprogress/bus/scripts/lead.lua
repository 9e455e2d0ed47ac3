-- Become, or stay, the worker that recovers lost documents.
--
-- KEYS: the leader, the last look.
-- ARGV: this worker, the duration of leadership and the expiry of the last look, in ms.
-- Returns 1 if this worker leads.
local leader = redis.call('GET', KEYS[1])
if leader == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if leader then
  -- If the host's clock was set back, the key would outlive its time.
  redis.call('PEXPIRE', KEYS[1], ARGV[2], 'LT')
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
-- The time since the last look goes on, whoever leads.
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('SET', KEYS[2], ARGV[1], 'KEEPTTL')
else
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
end
return 1
