;; Calls an import on its way; divides by its result.
(module
  (import "env" "next" (func $next (param i32) (result i32)))
  (func $divide (param i32) (result i32)
    (i32.div_s (i32.const 100) (call $next (local.get 0))))
  (func (export "run") (param i32) (result i32)
    (call $divide (local.get 0))))
