;; Running out of stack is a trap, also in a frame that is large by its locals alone, and calls work as before afterwards.

(module
  (func $forever (export "forever") (call $forever))
  (func $even (export "even") (param i32) (result i32) (i32.add (call $odd (local.get 0)) (i32.const 1)))
  (func $odd (param i32) (result i32) (i32.add (call $even (local.get 0)) (i32.const 1)))
  (func $wide (export "wide") (param i32 i64 f64 v128) (result i32)
    (local v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
    (i32.add
      (call $wide (local.get 0) (local.get 1) (local.get 2) (local.get 3))
      (i32x4.extract_lane 0 (i32x4.add (local.get 3) (local.get 4)))))
  (func $count (export "count") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $count (i32.sub (local.get 0) (i32.const 1)))))))
)

(assert_exhaustion (invoke "forever") "call stack exhausted")
(assert_return (invoke "count" (i32.const 1000)) (i32.const 1000))
(assert_exhaustion (invoke "even" (i32.const 1)) "call stack exhausted")
(assert_exhaustion
  (invoke "wide" (i32.const 1) (i64.const 2) (f64.const 3) (v128.const i32x4 1 2 3 4))
  "call stack exhausted")
(assert_return (invoke "count" (i32.const 1000)) (i32.const 1000))
