"""One file per input: bytes of any common flow format in, Arrow batches of the table FLOW out."""
