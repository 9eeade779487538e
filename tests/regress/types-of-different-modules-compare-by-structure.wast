;; Two modules number their types differently. What counts for an indirect call is the type, not its number, and an equal number
;; must never make two types equal.

(module $provider
  (type $0 (func (param i32) (result i32)))
  (type $1 (func (param i64) (result i64)))
  (table (export "table") 4 funcref)
  (func $i32 (type $0) (i32.add (local.get 0) (i32.const 1)))
  (func $i64 (type $1) (i64.add (local.get 0) (i64.const 1)))
  (elem (i32.const 0) func $i32 $i64)
)
(register "provider" $provider)

(module $user
  (type $0 (func (param i64) (result i64)))
  (type $1 (func (param i32) (result i32)))
  (type $2 (func (param f32)))
  (table (import "provider" "table") 4 funcref)
  (func $mine (type $2))
  (elem (i32.const 2) func $mine)
  (func (export "call-i64") (param i32 i64) (result i64) (call_indirect (type $0) (local.get 1) (local.get 0)))
  (func (export "call-i32") (param i32 i32) (result i32) (call_indirect (type $1) (local.get 1) (local.get 0)))
)

(assert_return (invoke $user "call-i32" (i32.const 0) (i32.const 41)) (i32.const 42))
(assert_return (invoke $user "call-i64" (i32.const 1) (i64.const 41)) (i64.const 42))
(assert_trap (invoke $user "call-i64" (i32.const 0) (i64.const 41)) "indirect call type mismatch")
(assert_trap (invoke $user "call-i32" (i32.const 1) (i32.const 41)) "indirect call type mismatch")
(assert_trap (invoke $user "call-i32" (i32.const 2) (i32.const 41)) "indirect call type mismatch")
(assert_trap (invoke $user "call-i32" (i32.const 3) (i32.const 41)) "uninitialized element")
(assert_trap (invoke $user "call-i32" (i32.const 4) (i32.const 41)) "undefined element")
