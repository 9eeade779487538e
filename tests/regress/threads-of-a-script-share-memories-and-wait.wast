;; Threads of a script: they share memories, wait for each other, and have names of their own.

(module $Mem (memory (export "shared") 1 2 shared))

(thread $writer (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run")
      (i32.atomic.store (i32.const 0) (i32.const 42))
      (drop (memory.grow (i32.const 1)))
      ;; Somebody waits at 8, now or soon.
      (loop $again
        (br_if $again (i32.eqz (memory.atomic.notify (i32.const 8) (i32.const 1)))))))
  (assert_return (invoke "run"))
)

(thread $reader (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run") (result i32)
      (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))
    (func (export "seen") (result i32) (i32.atomic.load (i32.const 0)))
    (func (export "size") (result i32) (memory.size)))
  (assert_return (invoke "run") (i32.const 0))
  (assert_return (invoke "seen") (i32.const 42))
  (assert_return (invoke "size") (i32.const 2))
)

(wait $writer)
(wait $reader)

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 2 shared)
  (func (export "seen") (result i32) (i32.atomic.load (i32.const 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "timed") (result i32)
    (memory.atomic.wait64 (i32.const 16) (i64.const 0) (i64.const 1000)))
  (func (export "unequal") (result i32)
    (memory.atomic.wait64 (i32.const 16) (i64.const 1) (i64.const -1))))
(assert_return (invoke "seen") (i32.const 42))
(assert_return (invoke "size") (i32.const 2))
(assert_return (invoke "timed") (i32.const 2))
(assert_return (invoke "unequal") (i32.const 1))
