-- Publish an event, store it as the current state, and return whether to cancel.
--
-- KEYS[1]  document:{id}:progress   stream of the document's events; its channel
--                                   has the same name
-- KEYS[2]  document:{id}:cancel     the attempt that is to be cancelled
-- KEYS[3]  run:{id}:progress        hash document -> newest event, and channel;
--                                   absent for a document without a run
-- KEYS[4]  run:{id}:counts          hash status -> number of documents
-- ARGV[1]  the stream id, `attempt-*` or, for a final event, `attempt-2^64-1`
-- ARGV[2]  the event as JSON, without its id
-- ARGV[3]  the retention in milliseconds
-- ARGV[4]  the document's id
-- ARGV[5]  the attempt
-- ARGV[6]  the status
-- ARGV[7]  if given, publish only while the newest event says "queued"
--
-- Returns {id, 1 if this attempt is to be cancelled else 0}. Redis itself rejects an id
-- below the newest, which the caller treats as superseded.

if ARGV[7] then
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  -- Inside a JSON string quotes are escaped, so this matches only the field.
  if newest and string.match(newest[1], '%d+') == ARGV[5]
      and not string.find(newest[2][2], '"status":"queued"', 1, true) then
    return redis.error_reply('ERR equal or smaller: it is no longer queued')
  end
end
-- Trim exactly when an attempt ends or waits, since most documents are not being
-- processed. While one is, trim whole nodes of the stream, which costs less.
local about, most = '~', 256
if ARGV[6] ~= 'processing' then about, most = '=', 32 end
local id = redis.call(
  'XADD', KEYS[1], 'MAXLEN', about, most, ARGV[1], 'event', ARGV[2])
local message = '{"id":"' .. id .. '",' .. string.sub(ARGV[2], 2)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], message)
if KEYS[3] then
  local before = redis.call('HGET', KEYS[3], ARGV[4])
  local was = before and string.match(before, '"status":"(%a+)"')
  if was ~= ARGV[6] then
    if was then redis.call('HINCRBY', KEYS[4], was, -1) end
    redis.call('HINCRBY', KEYS[4], ARGV[6], 1)
  end
  redis.call('HSET', KEYS[3], ARGV[4], message)
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
  redis.call('PUBLISH', KEYS[3], message)
end
return {id, redis.call('GET', KEYS[2]) == ARGV[5] and 1 or 0}
