-- Take a lease if it is free, or already this owner's.
--
-- KEYS[1]  document:{id}:lease   the owner of the document; expires
-- KEYS[2]  documents:leased      hash of the documents that have a lease or had one
--                                whose owner died -> duration in milliseconds
-- ARGV[1]  the owner
-- ARGV[2]  the duration of the lease in milliseconds
-- ARGV[3]  the document's id

if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[2])
return 1
