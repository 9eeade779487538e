;; features: compactImportSection

(module
  (func (export "one") (result i32) (i32.const 1))
  (func (export "two") (result i32) (i32.const 2))
  (func (export "") (result i32) (i32.const 4))
  (global (export "eight") i32 (i32.const 8))
  (global (export "sixteen") i32 (i32.const 16))
  (memory (export "memory") 1)
  (table (export "table") 3 funcref))
(register "m")

;; Each item with a type of its own, then items that share one, and plain imports between.
(module
  (import "m" (item "two" (func $two (result i32))) (item "memory" (memory 1)) (item "eight" (global $eight i32)))
  (import "m" "one" (func $one (result i32)))
  (import "m" (item "") (item "one") (func (result i32)))
  (import "m" (item "table") (table 1 funcref))
  (import "m" (item "sixteen") (global i32))
  (func (export "sum") (result i32)
    (i32.add
      (i32.add (i32.add (call 0) (call 1)) (i32.add (call 2) (call 3)))
      (i32.add (i32.add (global.get 0) (global.get 1)) (i32.add (table.size) (memory.size))))))
(assert_return (invoke "sum") (i32.const 36))

;; Groups without items, and what a group's type defines all the same.
(module (import "nowhere") (import "nowhere" (func (param i64))) (func (type 0)))

(assert_unlinkable (module (import "m" (item "one" (func (result i32))) (item "three" (func)))) "unknown import")
(assert_unlinkable (module (import "m" (item "one") (item "two") (func))) "incompatible import type")

;; An empty name that no encoding follows is a name.
(module binary
  "\00asm" "\01\00\00\00" "\01\05\01\60\00\01\7f"
  "\02\06\01" "\01m" "\00" "\00\00")
;; After another name the byte of an encoding is none.
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\05\01\60\00\01\7f" "\02\0a\01" "\01m" "\01x" "\7f\01" "\01a" "\00\00")
  "malformed import kind")
;; Fewer items than promised.
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\05\01\60\00\01\7f" "\02\0a\01" "\01m" "\00" "\7f\02" "\03two" "\00\00")
  "unexpected end")
(assert_malformed
  (module binary "\00asm" "\01\00\00\00" "\01\05\01\60\00\01\7f" "\02\0a\01" "\01m" "\00" "\7e\00\00\02" "\03two")
  "unexpected end")
