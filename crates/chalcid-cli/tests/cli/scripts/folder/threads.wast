(module $Mem (memory (export "shared") 1 1 shared))
(thread $t (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "store") (i32.atomic.store (i32.const 0) (i32.const 5))))
  (invoke "store"))
(wait $t)
(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  (func (export "load") (result i32) (i32.atomic.load (i32.const 0))))
(assert_return (invoke "load") (i32.const 5))
