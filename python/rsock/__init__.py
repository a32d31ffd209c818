"""Python's sockets on a Rust core."""
