;; An instance whose second segment is out of bounds fails, but what its first one wrote into another's table stays there and
;; can be called: it keeps its instance alive.

(module $holder
  (type $t (func (result i32)))
  (table (export "table") 2 funcref)
  (memory (export "memory") 1)
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0)))
)
(register "holder" $holder)

(assert_trap
  (module
    (table (import "holder" "table") 2 funcref)
    (memory (import "holder" "memory") 1)
    (global $g i32 (i32.const 42))
    (func $f (result i32) (i32.add (global.get $g) (i32.load (i32.const 0))))
    (elem (i32.const 0) func $f)
    (data (i32.const 0) "\01")
    (data (i32.const 65536) "x"))
  "out of bounds memory access")

(assert_return (invoke $holder "call" (i32.const 0)) (i32.const 43))
(assert_trap (invoke $holder "call" (i32.const 1)) "uninitialized element")
