"""The guard on the host: leases, heartbeats, durable jobs, deletion; and our end of the talk with it."""
