-- Publish one event: remember it, tell it, and hear whether to go on.  Atomic.
--
-- KEYS[1]  document:{id}:progress   stream of the document's events; its channel
--                                   has the same name
-- KEYS[2]  document:{id}:cancel     the attempt that somebody asked to cancel
-- KEYS[3]  run:{id}:progress        hash document -> newest event, and channel;
--                                   absent for a document without a run
-- ARGV[1]  the stream id, `attempt-*` or, for a final event, `attempt-2^64-1`
-- ARGV[2]  the event as JSON, without its id
-- ARGV[3]  how long to remember it, in milliseconds
-- ARGV[4]  the document's id
-- ARGV[5]  the attempt
--
-- Returns {id, 1 if this attempt is to be cancelled else 0}; an id below the
-- newest is Redis's own error, which the caller reads as "superseded".

local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', 256, ARGV[1], 'event', ARGV[2])
local told = '{"id":"' .. id .. '",' .. string.sub(ARGV[2], 2)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], told)
if KEYS[3] then
  redis.call('HSET', KEYS[3], ARGV[4], told)
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  redis.call('PUBLISH', KEYS[3], told)
end
return {id, redis.call('GET', KEYS[2]) == ARGV[5] and 1 or 0}
