"""From the cache to tables and bags of cases: read and verified, nothing fitted."""
