-- Release a lease if it is still this owner's.
--
-- KEYS[1]  document:{id}:lease   the owner of the document
-- KEYS[2]  documents:leased      hash of the documents that have a lease or had one
--                                whose owner died
-- ARGV[1]  the owner
-- ARGV[2]  the document's id

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], ARGV[2])
  return 1
end
return 0
