;; Address and constant offset are added as 33 bits: the sum never wraps around to the start of the memory, however large the offset.

(module
  (memory 1)
  (func (export "offset-max") (param i32) (result i32) (i32.load8_u offset=0xffffffff (local.get 0)))
  (func (export "offset-2GiB") (param i32) (result i32) (i32.load offset=0x80000000 (local.get 0)))
  (func (export "offset-last-word") (param i32) (result i32) (i32.load offset=65532 (local.get 0)))
  (func (export "store-offset-max") (param i32) (i32.store8 offset=0xffffffff (local.get 0) (i32.const 1)))
  (func (export "v128-offset") (param i32) (result v128) (v128.load offset=0xfffffff0 (local.get 0)))
)

(assert_trap (invoke "offset-max" (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "offset-max" (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "offset-max" (i32.const -1)) "out of bounds memory access")
(assert_trap (invoke "offset-2GiB" (i32.const 0x8000_0000)) "out of bounds memory access")
(assert_trap (invoke "offset-2GiB" (i32.const 0)) "out of bounds memory access")
(assert_return (invoke "offset-last-word" (i32.const 0)) (i32.const 0))
(assert_trap (invoke "offset-last-word" (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "offset-last-word" (i32.const -65532)) "out of bounds memory access")
(assert_trap (invoke "store-offset-max" (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "v128-offset" (i32.const 16)) "out of bounds memory access")
