;; A function without calls has its context in a register that calls need not save. What it does out of the ordinary way is a call all the same: an
;; allocation where there is no room, or an element of a table that was not asked for before. What comes after needs the context: to find the base of the
;; heap, where other values have the registers, or to trap.

(module
  (type $pair (struct (field i64) (field i64)))
  (type $none (func))
  (table 4 funcref)
  (global $pair (mut (ref null $pair)) (ref.null $pair))
  (global $count (mut i64) (i64.const 0))

  ;; Locals that are used more often than the heap has all registers, and globals make the context worth one.
  (func (export "make") (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (global.set $pair (struct.new $pair (local.get 0) (local.get 7)))
    (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (i64.add (local.get 0) (local.get 0)) (local.get 1)) (local.get 2)) (local.get 3)) (local.get 4)) (local.get 5)) (local.get 6)) (local.get 7)) (local.get 0)) (local.get 1)) (local.get 2)) (local.get 3)) (local.get 4)) (local.get 5)) (local.get 6)) (local.get 7)) (local.get 0)) (local.get 1)) (local.get 2)) (local.get 3)) (local.get 4)) (local.get 5)) (local.get 6)) (local.get 7)) (local.get 0)) (local.get 1)) (local.get 2)) (local.get 3)) (local.get 4)) (local.get 5)) (local.get 6)) (local.get 7)))

  (func (export "first") (result i64) (struct.get $pair 0 (global.get $pair)))
  (func (export "second") (result i64) (struct.get $pair 1 (global.get $pair)))

  (func (export "call") (param i32) (call_indirect (type $none) (local.get 0))))

(assert_return (invoke "make" (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)) (i64.const 145))
(assert_return (invoke "first") (i64.const 1))
(assert_return (invoke "second") (i64.const 8))
(assert_return (invoke "make" (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16) (i64.const 17) (i64.const 18)) (i64.const 475))
(assert_return (invoke "first") (i64.const 11))
(assert_return (invoke "second") (i64.const 18))
(assert_return (invoke "make" (i64.const 21) (i64.const 22) (i64.const 23) (i64.const 24) (i64.const 25) (i64.const 26) (i64.const 27) (i64.const 28)) (i64.const 805))
(assert_return (invoke "first") (i64.const 21))
(assert_return (invoke "second") (i64.const 28))
(assert_trap (invoke "call" (i32.const 2)) "uninitialized element")
