;; Where a loop ends when its counter reaches a constant, the counter may wrap around, step down, and be used after the loop.
(module
  (func (export "wraps") (result i32 i32) (local $i i32) (local $turns i32)
    (local.set $i (i32.const 0xfffffff0))
    (loop $again
      (local.set $turns (i32.add (i32.const 1) (local.get $turns)))
      (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 3))) (i32.const 8))))
    (local.get $turns) (local.get $i))
  (func (export "steps down") (result i64 i64) (local $i i64) (local $sum i64)
    (local.set $i (i64.const 0x80000003))
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (local.get $i)))
      (br_if $again (i64.ne (local.tee $i (i64.sub (local.get $i) (i64.const 1))) (i64.const 0x7fffffff))))
    (local.get $sum) (local.get $i))
  (func (export "ends when equal") (param $end i32) (result i32 i32) (local $i i32) (local $before i32)
    (block $out
      (loop $again
        (local.set $before (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const -2)))
        (br_if $out (i32.eq (local.get $i) (i32.const -2147483648)))
        (br_if $again (i32.eq (local.get $i) (local.get $end)))))
    (local.get $before) (local.get $i)))
(assert_return (invoke "wraps") (i32.const 8) (i32.const 8))
(assert_return (invoke "steps down") (i64.const 8589934598) (i64.const 0x7fffffff))
(assert_return (invoke "ends when equal" (i32.const -2)) (i32.const -2) (i32.const -4))
