;; A callee that grows a memory does it for its callers too, across instances: neither size nor accesses of the caller are stale.

(module $owner
  (memory (export "memory") 1 8)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
)
(register "owner" $owner)

(module
  (memory (import "owner" "memory") 1 8)
  (func $grow (import "owner" "grow") (param i32) (result i32))
  (func (export "around-a-call") (param i32) (result i32 i32 i32 i32)
    (memory.size)
    (call $grow (local.get 0))
    (memory.size)
    (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))
    (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))
  (func (export "loop") (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum)
        (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))))
      (br_if $again (i32.ne (call $grow (i32.const 1)) (i32.const -1))))
    (i32.add (local.get $sum) (memory.size)))
)

(assert_return (invoke "around-a-call" (i32.const 2)) (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 7))
(assert_return (invoke "around-a-call" (i32.const 0)) (i32.const 3) (i32.const 3) (i32.const 3) (i32.const 7))
(assert_return (invoke "loop") (i32.const 8))
(assert_return (invoke $owner "grow" (i32.const 1)) (i32.const -1))
