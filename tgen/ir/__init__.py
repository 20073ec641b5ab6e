"""The SSA IR: values, instructions, blocks and functions; its text form, verifier and interpreter."""
