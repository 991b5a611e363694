"""What strangers send, made up by a fuzzer that watches which lines it reaches: `make fuzz`."""
