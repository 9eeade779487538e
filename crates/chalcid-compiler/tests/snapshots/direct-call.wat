;; A direct call reads the callee's slot anew each time; the array of slots is found once.
(module
  (func $f (param i32) (result i32) (local.get 0))
  (func (param i32) (result i32)
    (call $f (call $f (local.get 0)))))
