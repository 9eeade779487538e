;; An access of a memory with 64-bit addresses is checked by a select that is not speculated; the fault at address 0 is the trap.
(module
  (memory i64 1)
  (func (param i64) (result i64)
    (i64.load offset=16 (local.get 0))))
