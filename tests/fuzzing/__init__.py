"""The search for faults: random typed programs, and what every one of them must keep.

generate   seed -> Program: leaves, statements (Python source), outputs, updates
program    a Program as data, as variables, as a script
judge      what must hold of one program: the interpreter, the C, passes left out, constants, gradients,
choices
batch      many programs in one C file and one run of the compiler
hunt       programs in forked workers, counted, over several runs
shrink     the smallest program that still fails
"""
