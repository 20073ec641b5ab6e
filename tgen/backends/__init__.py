"""What runs a compiled function: C through cffi, and the reference interpreter."""
