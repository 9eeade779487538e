;; features: exceptionsFinal,exceptions,gc
;; What a clause finds: locals as they were at the throw, operands below the block, and every value that was thrown.

(module
  (tag $e (param i32 i64 f32 f64 v128 externref funcref exnref))
  (tag $n)
  (table $exns 1 exnref)
  (global $kept (mut exnref) (ref.null exn))

  (func $f (export "f") (result i32) (i32.const 42))
  (elem declare func $f $fail)
  (type $r (func (result i32)))

  (func $throw (param $x externref)
    (throw $e (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (local.get $x) (ref.func $f)
      (ref.null exn)))

  (func (export "payload") (param $x externref) (result i32 i64 f32 f64 v128 externref i32 i32)
    (local $f funcref)
    (block $h (result i32 i64 f32 f64 v128 externref funcref exnref)
      (try_table (catch $e $h) (call $throw (local.get $x)))
      (unreachable))
    (ref.is_null)
    (drop)
    (local.set $f)
    (ref.is_null (local.get $f))
    (i32.const 9))

  ;; The same without leaving the function.
  (func (export "payload_here") (param $x externref) (result i32 i64 f32 f64 v128 externref funcref exnref)
    (try_table (catch $e 0)
      (throw $e (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (local.get $x) (ref.null func)
        (ref.null exn)))
    (unreachable))

  ;; A function reference that was thrown can be called.
  (tag $call (param (ref $r)))
  (func (export "call_payload") (result i32)
    (block $h (result (ref $r))
      (try_table (catch $call $h) (throw $call (ref.func $f)))
      (unreachable))
    (call_ref $r))

  ;; Each call sees the local as it was then.
  (func $fail_at (param i32 i32) (result i32)
    (if (i32.eq (local.get 0) (local.get 1)) (then (throw $n)))
    (local.get 0))
  (func (export "locals") (param $at i32) (result i32)
    (local $x i32) (local $y f64)
    (block $h
      (try_table (catch $n $h)
        (local.set $x (i32.const 100))
        (drop (call $fail_at (i32.const 1) (local.get $at)))
        (local.set $x (i32.const 200))
        (local.set $y (f64.const 0.5))
        (drop (call $fail_at (i32.const 2) (local.get $at)))
        (local.set $x (i32.add (local.get $x) (call $fail_at (i32.const 3) (local.get $at))))
        (loop $again
          (drop (call $fail_at (local.get $x) (local.get $at)))
          (local.set $x (i32.add (local.get $x) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $x) (i32.const 300))))))
    (i32.add (local.get $x) (i32.trunc_f64_s (local.get $y))))

  ;; Operands below a block outlive what is thrown in it.
  (func (export "operands") (param i32) (result i32)
    (local.get 0)
    (i32.mul (local.get 0) (i32.const 3))
    (block $h
      (try_table (catch_all $h) (throw $n)))
    (i32.sub))

  ;; Callees with arguments and results on the stack: the frame is as large after a throw as before.
  (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (if (i64.eqz (local.get 11)) (then (throw $n)))
    (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7)
    (local.get 8) (local.get 9) (local.get 10) (local.get 11))
  (func (export "many") (param i64) (result i64)
    (local $sum i64) (local $i i32)
    (loop $again
      (block $h
        (try_table (catch $n $h)
          (call $many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
            (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (local.get 0))
          (local.set $sum) ;; the last result is the last argument
          (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop)
          (local.set $sum (i64.add (local.get $sum)))))
      (local.set $sum (i64.add (local.get $sum) (i64.const 1000)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (local.get $sum))

  ;; An exception is kept, and thrown again elsewhere, with what it carries.
  (tag $i (param i32))
  (func $fail (throw $i (i32.const 77)))
  (func (export "keep")
    (block $h (result i32 exnref)
      (try_table (catch_ref $i $h) (call $fail))
      (unreachable))
    (global.set $kept)
    (drop)
    (table.set $exns (i32.const 0) (global.get $kept)))
  (func (export "again") (result i32)
    (block $h (result i32)
      (try_table (catch $i $h) (throw_ref (table.get $exns (i32.const 0))))
      (unreachable)))
  (func (export "again_to_caller") (throw_ref (global.get $kept)))
  (func (export "drop") (global.set $kept (ref.null exn)) (table.set $exns (i32.const 0) (ref.null exn)))

  ;; A tail call leaves the handlers around it.
  (func (export "tail") (result i32)
    (block $h
      (try_table (catch_all $h) (return_call $tail_target)))
    (i32.const 1))
  (func $tail_target (result i32) (throw $n))
  (func (export "tail_caught") (result i32)
    (block $h
      (try_table (catch_all $h) (drop (call $tail_caller))))
    (i32.const 2))
  (func $tail_caller (result i32) (return_call $tail_target))
)

(assert_return (invoke "payload" (ref.extern 7))
  (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (ref.extern 7) (i32.const 0) (i32.const 9))
(assert_return (invoke "payload_here" (ref.extern 8))
  (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (ref.extern 8) (ref.null func) (ref.null exn))
(assert_return (invoke "call_payload") (i32.const 42))
(assert_return (invoke "locals" (i32.const 1)) (i32.const 100))
(assert_return (invoke "locals" (i32.const 2)) (i32.const 200))
(assert_return (invoke "locals" (i32.const 3)) (i32.const 200))
(assert_return (invoke "locals" (i32.const 250)) (i32.const 250))
(assert_return (invoke "locals" (i32.const 0)) (i32.const 300))
(assert_return (invoke "operands" (i32.const 5)) (i32.const -10))
(assert_return (invoke "many" (i64.const 0)) (i64.const 1000000))
(assert_return (invoke "many" (i64.const 1)) (i64.const 1002))
(assert_trap (invoke "again") "null exception reference")
(assert_return (invoke "keep"))
(assert_return (invoke "again") (i32.const 77))
(assert_return (invoke "again") (i32.const 77))
(assert_exception (invoke "again_to_caller"))
(assert_return (invoke "drop"))
(assert_trap (invoke "again_to_caller") "null exception reference")
(assert_exception (invoke "tail"))
(assert_return (invoke "tail_caught") (i32.const 2))
