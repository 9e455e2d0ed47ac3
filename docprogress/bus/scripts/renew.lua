-- Keep a lease, and give a sign of life for the document it is on.  Atomic.
--
-- KEYS[1]  document:{id}:lease      who works on the document; runs out by itself
-- KEYS[2]  document:{id}:progress   stream and channel of the document's events
-- KEYS[3]  document:{id}:cancel     the attempt that somebody asked to cancel
-- KEYS[4]  run:{id}:progress        hash and channel of its run; absent without one
-- ARGV[1]  the owner, `attempt:worker:pid`
-- ARGV[2]  how long the lease holds, in milliseconds
-- ARGV[3]  the document's id
-- ARGV[4]  the id of its newest event, or '' for no sign of life
-- ARGV[5]  that event as JSON, with its id, a new time and "heartbeat": true
--
-- Returns 1 if the lease is kept, 2 if it is and this attempt is to be cancelled,
-- 0 if nobody has it, -1 if somebody else has it.
-- The sign is given only while that event is the newest: it must not undo a
-- later one.

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
