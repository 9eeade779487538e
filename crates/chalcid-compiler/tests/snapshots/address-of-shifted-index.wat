;; The index wraps at 32 bits before it is widened: no shift or addition of it may move into the address.
(module
  (memory 1)
  (func (param i32 i32) (result i32)
    (i32.load (i32.shl (i32.add (local.get 0) (local.get 1)) (i32.const 3)))))
