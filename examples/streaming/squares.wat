;; Writes the first squares into an exported memory.
(module
  (memory (export "memory") 1)
  (func (export "squares") (param $count i32)
    (local $i i32)
    (loop $next
      (i32.store
        (i32.shl (local.get $i) (i32.const 2))
        (i32.mul (local.get $i) (local.get $i)))
      (local.tee $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $count))))))
