;; The bounds check is the fault of a select; one test finds elements that are null or not asked for yet; then the type is compared.
(module
  (type $t (func (param i32) (result i32)))
  (table 10 100 funcref)
  (func (param i32 i32) (result i32)
    (call_indirect (type $t) (local.get 0) (local.get 1))))
