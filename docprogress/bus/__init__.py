"""Everything that is kept in Redis: keys, events, subscriptions and leases."""
