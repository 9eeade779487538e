//! Addresses of memory accesses: bounds checks, static offsets, spectre guards.
