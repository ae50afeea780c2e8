"""``chainfit bench``: this machine, the kernels, whole training, other libraries."""
