;; The loop's variables stay in their registers: one branch goes back, and nothing is moved before it.
(module
  (func (param $n i32) (result i64) (local $i i32) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (i64.extend_i32_u (i32.mul (local.get $i) (local.get $i))) (local.get $sum)))
      (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 3))) (i32.const 3000))))
    local.get $sum))
