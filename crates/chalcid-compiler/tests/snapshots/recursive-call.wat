;; A function calls itself without its code slot, also as a tail call.
(module
  (func $self (param $n i32) (result i32)
    (if (i32.lt_u (local.get $n) (i32.const 2)) (then (return (local.get $n))))
    (if (i32.eq (local.get $n) (i32.const 100))
      (then (return_call $self (i32.const 7))))
    (i32.add
      (call $self (i32.sub (local.get $n) (i32.const 1)))
      (call $self (i32.sub (local.get $n) (i32.const 2))))))
