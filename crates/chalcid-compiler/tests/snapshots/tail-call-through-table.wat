;; A tail call leaves no frame.
(module
  (type $t (func (param i32) (result i32)))
  (table 10 10 (ref null $t))
  (func (param i32 i32) (result i32)
    (return_call_indirect (type $t) (local.get 0) (local.get 1))))
