"""What every room shares: sizes, types, the Op record, storage records."""
