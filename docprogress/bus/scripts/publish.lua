-- Publish one event: remember it, tell it, and hear whether to go on.  Atomic.
--
-- KEYS[1]  document:{id}:progress   stream of the document's events; its channel
--                                   has the same name
-- KEYS[2]  document:{id}:cancel     the attempt that somebody asked to cancel
-- KEYS[3]  run:{id}:progress        hash document -> newest event, and channel;
--                                   absent for a document without a run
-- KEYS[4]  run:{id}:counts          hash status -> how many documents of that hash
--                                   have it
-- ARGV[1]  the stream id, `attempt-*` or, for a final event, `attempt-2^64-1`
-- ARGV[2]  the event as JSON, without its id
-- ARGV[3]  how long to remember it, in milliseconds
-- ARGV[4]  the document's id
-- ARGV[5]  the attempt
-- ARGV[6]  the status
-- ARGV[7]  if given, tell it only of a document that is still said to be queued
--
-- Returns {id, 1 if this attempt is to be cancelled else 0}; an id below the
-- newest is Redis's own error, which the caller reads as "superseded".

if ARGV[7] then
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  -- Within a text of JSON each quote has a backslash before it: this is the field.
  if newest and string.match(newest[1], '%d+') == ARGV[5]
      and not string.find(newest[2][2], '"status":"queued"', 1, true) then
    return redis.error_reply('ERR equal or smaller: it is no longer queued')
  end
end
-- Exactly so many are kept where an attempt ends or waits: most documents are not at
-- work.  Of one that is, whole nodes of the stream are given up, which costs less.
local about, most = '~', 256
if ARGV[6] ~= 'processing' then about, most = '=', 32 end
local id = redis.call(
  'XADD', KEYS[1], 'MAXLEN', about, most, ARGV[1], 'event', ARGV[2])
local told = '{"id":"' .. id .. '",' .. string.sub(ARGV[2], 2)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], told)
if KEYS[3] then
  local before = redis.call('HGET', KEYS[3], ARGV[4])
  local was = before and string.match(before, '"status":"(%a+)"')
  if was ~= ARGV[6] then
    if was then redis.call('HINCRBY', KEYS[4], was, -1) end
    redis.call('HINCRBY', KEYS[4], ARGV[6], 1)
  end
  redis.call('HSET', KEYS[3], ARGV[4], told)
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
  redis.call('PUBLISH', KEYS[3], told)
end
return {id, redis.call('GET', KEYS[2]) == ARGV[5] and 1 or 0}
