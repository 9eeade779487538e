;; Every host reference that enters the stack takes a place in the agent's heap of references, which is collected when it has grown.
;; References in locals, on the operand stack, among arguments (in registers and beyond) and in callers' frames must survive, and
;; come out as what they were.

(module
  (table $t 8 externref)
  (table $f funcref (elem $churn))
  (type $churn-type (func (param i32)))

  (func (export "set") (param i32 externref) (table.set $t (local.get 0) (local.get 1)))
  (func $id (param externref) (result externref) (local.get 0))

  ;; Makes as many garbage references as it is asked to.
  (func $churn (type $churn-type)
    (loop $again
      (drop (call $id (table.get $t (i32.and (local.get 0) (i32.const 7)))))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0))))

  (func (export "local") (param externref i32) (result externref)
    (call $churn (local.get 1))
    (local.get 0))

  (func (export "operands") (param externref externref i32) (result externref externref externref)
    (call $id (local.get 1))
    (call $id (local.get 0))
    (table.get $t (i32.const 5))
    (call $churn (local.get 2)))

  (func $many (param externref externref externref externref externref externref externref externref externref externref i32)
    (result externref externref externref externref externref externref externref externref externref externref)
    (call_indirect $f (type $churn-type) (local.get 10) (i32.const 0))
    (local.get 9) (local.get 8) (local.get 7) (local.get 6) (local.get 5)
    (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0))

  (func (export "arguments") (param i32)
    (result externref externref externref externref externref externref externref externref externref externref)
    (call $many
      (table.get $t (i32.const 0)) (table.get $t (i32.const 1)) (table.get $t (i32.const 2)) (table.get $t (i32.const 3))
      (table.get $t (i32.const 4)) (table.get $t (i32.const 5)) (table.get $t (i32.const 6)) (table.get $t (i32.const 7))
      (ref.null extern) (table.get $t (i32.const 0)) (local.get 0)))

  (func (export "tail") (param i32)
    (result externref externref externref externref externref externref externref externref externref externref)
    (return_call $many
      (table.get $t (i32.const 7)) (ref.null extern) (table.get $t (i32.const 7)) (table.get $t (i32.const 1))
      (table.get $t (i32.const 7)) (ref.null extern) (table.get $t (i32.const 7)) (table.get $t (i32.const 2))
      (table.get $t (i32.const 7)) (table.get $t (i32.const 3)) (local.get 0)))

  ;; References in the frames of callers, down to a depth.
  (func $deep (export "deep") (param externref i32) (result externref)
    (local $mine externref)
    (local.set $mine (table.get $t (i32.and (local.get 1) (i32.const 7))))
    (if (i32.eqz (local.get 1))
      (then (call $churn (i32.const 5000)) (return (local.get 0))))
    (drop (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1))))
    (select (result externref) (local.get $mine) (local.get 0) (i32.eq (local.get 1) (i32.const 100))))

  ;; One that changes in a loop: the last one counts.
  (func (export "loop") (param i32) (result externref)
    (local $last externref)
    (loop $again
      (local.set $last (table.get $t (i32.and (local.get 0) (i32.const 7))))
      (call $churn (i32.const 100))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))
    (local.get $last))

  (func (export "trap") (param externref i32) (result externref)
    (call $churn (local.get 1))
    (drop (call $id (local.get 0)))
    unreachable)
)

(invoke "set" (i32.const 0) (ref.extern 100))
(invoke "set" (i32.const 1) (ref.extern 101))
(invoke "set" (i32.const 2) (ref.extern 102))
(invoke "set" (i32.const 3) (ref.extern 103))
(invoke "set" (i32.const 4) (ref.extern 104))
(invoke "set" (i32.const 5) (ref.extern 105))
(invoke "set" (i32.const 6) (ref.extern 106))
(invoke "set" (i32.const 7) (ref.extern 107))

(assert_return (invoke "local" (ref.extern 1) (i32.const 100000)) (ref.extern 1))
(assert_return (invoke "local" (ref.null extern) (i32.const 100000)) (ref.null extern))
(assert_return (invoke "operands" (ref.extern 1) (ref.extern 2) (i32.const 100000))
  (ref.extern 2) (ref.extern 1) (ref.extern 105))
(assert_return (invoke "arguments" (i32.const 100000))
  (ref.extern 100) (ref.null extern) (ref.extern 107) (ref.extern 106) (ref.extern 105)
  (ref.extern 104) (ref.extern 103) (ref.extern 102) (ref.extern 101) (ref.extern 100))
(assert_return (invoke "tail" (i32.const 100000))
  (ref.extern 103) (ref.extern 107) (ref.extern 102) (ref.extern 107) (ref.null extern)
  (ref.extern 107) (ref.extern 101) (ref.extern 107) (ref.null extern) (ref.extern 107))
(assert_return (invoke "deep" (ref.extern 3) (i32.const 99)) (ref.extern 3))
(assert_return (invoke "deep" (ref.extern 3) (i32.const 100)) (ref.extern 104))
(assert_return (invoke "loop" (i32.const 1000)) (ref.extern 101))
(assert_trap (invoke "trap" (ref.extern 4) (i32.const 100000)) "unreachable")
(assert_return (invoke "local" (ref.extern 5) (i32.const 100000)) (ref.extern 5))
