"""What runs when a compiled function is called: argument checks, shared variables, the call, the commit."""
