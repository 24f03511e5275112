"""What we know of VM managers: argv out, parsed output in. No I/O."""
