"""Who lives and who is deleted: runs, the janitor, the ledger, the logs."""
