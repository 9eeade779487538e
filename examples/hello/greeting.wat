;; Calls back into JavaScript with the answer.
(module
  (import "console" "log" (func $log (param i32)))
  (func (export "answer") (param $times i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.const 14)))
      (local.tee $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again))
    (call $log (local.get $sum))
    (local.get $sum)))
