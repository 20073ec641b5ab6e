"""The symbolic graph: variables, applications of ops, walks over them, gradients."""
