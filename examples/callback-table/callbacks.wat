;; Calls whatever stands in a table.
(module
  (type $unary (func (param f64) (result f64)))
  (table (export "table") 4 funcref)
  (func $double (type $unary) (f64.mul (local.get 0) (f64.const 2)))
  (func $negate (type $unary) (f64.neg (local.get 0)))
  (elem (i32.const 0) $double $negate)
  (func (export "apply") (param $index i32) (param $value f64) (result f64)
    (call_indirect (type $unary) (local.get $value) (local.get $index))))
