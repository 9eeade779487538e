;; The base of a static memory is loaded once, before the loop, and accesses have no check.
(module
  (memory 1)
  (func (param $p i32) (param $end i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=8 (local.get $p))))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (br_if $again (i32.lt_u (local.get $p) (local.get $end))))
    (local.get $sum)))
