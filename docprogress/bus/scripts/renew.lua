-- Renew a lease, and publish a heartbeat of its document.
--
-- KEYS[1]  document:{id}:lease      the owner of the document; expires
-- KEYS[2]  document:{id}:progress   stream and channel of the document's events
-- KEYS[3]  document:{id}:cancel     the attempt that is to be cancelled
-- KEYS[4]  run:{id}:progress        hash and channel of its run; absent without one
-- ARGV[1]  the owner, `attempt:worker:pid`
-- ARGV[2]  the duration of the lease in milliseconds
-- ARGV[3]  the document's id
-- ARGV[4]  the id of its newest event, or '' for no heartbeat
-- ARGV[5]  that event as JSON, with its id, a new time and "heartbeat": true
--
-- Returns 1 if the lease was renewed, 2 if also the attempt is to be cancelled, 0 if
-- there is no lease, -1 if another owner has it.
-- The heartbeat is published only while its event is the newest, so that it never
-- replaces a later one.

local owner = redis.call('GET', KEYS[1])
if not owner then return 0 end
if owner ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[4] ~= '' then
  local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  if newest[1] and newest[1][1] == ARGV[4] then
    redis.call('PUBLISH', KEYS[2], ARGV[5])
    if KEYS[4] then
      redis.call('HSET', KEYS[4], ARGV[3], ARGV[5])
      redis.call('PUBLISH', KEYS[4], ARGV[5])
    end
  end
end
local cancel = redis.call('GET', KEYS[3])
return cancel and cancel == string.match(ARGV[1], '^%d+') and 2 or 1
