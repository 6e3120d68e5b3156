"""Inside a worker process: jobs in, answers out, and what a component left behind."""
