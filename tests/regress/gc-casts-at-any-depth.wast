;; A display has eight entries at least: below and above that depth a type is one of its supertypes, and of no other type.
(module
  (rec
    (type $d0 (sub (struct)))
    (type $d1 (sub $d0 (struct)))
    (type $d2 (sub $d1 (struct)))
    (type $d3 (sub $d2 (struct)))
    (type $d4 (sub $d3 (struct)))
    (type $d5 (sub $d4 (struct)))
    (type $d6 (sub $d5 (struct)))
    (type $d7 (sub $d6 (struct)))
    (type $d8 (sub $d7 (struct)))
    (type $d9 (sub $d8 (struct)))
    (type $d10 (sub $d9 (struct (field i32))))
    (type $e8 (sub $d7 (struct (field i64))))
    (type $e9 (sub $e8 (struct (field i64))))
    (type $f10 (sub final $d9 (struct (field f32)))))

  (func $made (param i32) (result anyref)
    (block $0 (block $1 (block $6 (block $7 (block $8 (block $9 (block $10 (block $e8 (block $e9 (block $f10 (block $i31
      (br_table $0 $1 $6 $7 $8 $9 $10 $e8 $e9 $f10 $i31 (local.get 0)))
      (return (ref.i31 (i32.const 8))))
      (return (struct.new_default $f10)))
      (return (struct.new_default $e9)))
      (return (struct.new_default $e8)))
      (return (struct.new_default $d10)))
      (return (struct.new_default $d9)))
      (return (struct.new_default $d8)))
      (return (struct.new_default $d7)))
      (return (struct.new_default $d6)))
      (return (struct.new_default $d1)))
    (struct.new_default $d0))

  ;; One bit for each type that matches.
  (func (export "types") (param i32) (result i32) (local $r anyref)
    (local.set $r (call $made (local.get 0)))
    (ref.test (ref $d0) (local.get $r))
    (i32.shl (ref.test (ref $d1) (local.get $r)) (i32.const 1)) i32.or
    (i32.shl (ref.test (ref $d6) (local.get $r)) (i32.const 2)) i32.or
    (i32.shl (ref.test (ref $d7) (local.get $r)) (i32.const 3)) i32.or
    (i32.shl (ref.test (ref $d8) (local.get $r)) (i32.const 4)) i32.or
    (i32.shl (ref.test (ref $d9) (local.get $r)) (i32.const 5)) i32.or
    (i32.shl (ref.test (ref $d10) (local.get $r)) (i32.const 6)) i32.or
    (i32.shl (ref.test (ref $e8) (local.get $r)) (i32.const 7)) i32.or
    (i32.shl (ref.test (ref $e9) (local.get $r)) (i32.const 8)) i32.or
    (i32.shl (ref.test (ref $f10) (local.get $r)) (i32.const 9)) i32.or)

  (func (export "cast 9") (param i32) (drop (ref.cast (ref $d9) (call $made (local.get 0)))))
  (func (export "cast null") (drop (ref.cast (ref null $d9) (ref.null any))))
  (func (export "cast null to 9") (drop (ref.cast (ref $d9) (ref.null any))))
  (func (export "branch 8") (param i32) (result i32)
    (block $is (result (ref $d8))
      (br_on_cast $is anyref (ref $d8) (call $made (local.get 0)))
      (return (i32.const 0)))
    drop
    (i32.const 1))
  (func (export "branch off 8") (param i32) (result i32)
    (block $is_not (result anyref)
      (br_on_cast_fail $is_not anyref (ref $d8) (call $made (local.get 0)))
      (return (i32.const 1)))
    drop
    (i32.const 0)))

(assert_return (invoke "types" (i32.const 0)) (i32.const 0x001))
(assert_return (invoke "types" (i32.const 1)) (i32.const 0x003))
(assert_return (invoke "types" (i32.const 2)) (i32.const 0x007))
(assert_return (invoke "types" (i32.const 3)) (i32.const 0x00f))
(assert_return (invoke "types" (i32.const 4)) (i32.const 0x01f))
(assert_return (invoke "types" (i32.const 5)) (i32.const 0x03f))
(assert_return (invoke "types" (i32.const 6)) (i32.const 0x07f))
(assert_return (invoke "types" (i32.const 7)) (i32.const 0x08f))
(assert_return (invoke "types" (i32.const 8)) (i32.const 0x18f))
(assert_return (invoke "types" (i32.const 9)) (i32.const 0x23f))
(assert_return (invoke "types" (i32.const 10)) (i32.const 0))
(assert_trap (invoke "cast 9" (i32.const 4)) "cast failure")
(assert_return (invoke "cast 9" (i32.const 5)))
(assert_return (invoke "cast 9" (i32.const 6)))
(assert_trap (invoke "cast 9" (i32.const 8)) "cast failure")
(assert_trap (invoke "cast 9" (i32.const 10)) "cast failure")
(assert_return (invoke "cast null"))
(assert_trap (invoke "cast null to 9") "cast failure")
(assert_return (invoke "branch 8" (i32.const 3)) (i32.const 0))
(assert_return (invoke "branch 8" (i32.const 4)) (i32.const 1))
(assert_return (invoke "branch 8" (i32.const 7)) (i32.const 0))
(assert_return (invoke "branch off 8" (i32.const 3)) (i32.const 0))
(assert_return (invoke "branch off 8" (i32.const 6)) (i32.const 1))
(assert_return (invoke "branch off 8" (i32.const 10)) (i32.const 0))
