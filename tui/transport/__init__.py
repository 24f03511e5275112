"""Bytes to a host, over SSH or by subprocess. Knows no VM."""
