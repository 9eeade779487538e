;; features: customDescriptors

(module
  (rec
    (type $shape (sub (descriptor $shape.desc) (struct (field $area (mut i32)))))
    (type $shape.desc (sub (describes $shape) (struct (field $name i32)))))
  (rec
    (type $square (sub $shape (descriptor $square.desc) (struct (field (mut i32)) (field $side i64))))
    (type $square.desc (sub $shape.desc (describes $square) (struct (field i32) (field $extra (ref null $shape))))))
  ;; A descriptor with a descriptor.
  (rec
    (type $a (descriptor $b) (struct))
    (type $b (describes $a) (descriptor $c) (struct (field i32)))
    (type $c (describes $b) (struct (field i32))))

  (global $one (ref (exact $shape.desc)) (struct.new $shape.desc (i32.const 1)))
  (global $two (ref (exact $shape.desc)) (struct.new $shape.desc (i32.const 2)))
  (global $three (ref (exact $square.desc))
    (struct.new $square.desc (i32.const 3) (struct.new_desc $shape (i32.const 30) (global.get $one))))
  (global $constant (ref $shape) (struct.new_default_desc $shape (global.get $two)))

  (func $name (param (ref null $shape)) (result i32)
    (struct.get $shape.desc $name (ref.get_desc $shape (local.get 0))))
  (func $shape (param i32) (result (ref $shape))
    (if (i32.eq (local.get 0) (i32.const 1))
      (then (return (struct.new_desc $shape (i32.const 10) (global.get $one)))))
    (if (i32.eq (local.get 0) (i32.const 2))
      (then (return (struct.new_desc $shape (i32.const 20) (global.get $two)))))
    (struct.new_desc $square (i32.const 40) (i64.const 7) (global.get $three)))

  (func (export "name") (param i32) (result i32) (call $name (call $shape (local.get 0))))
  (func (export "name of null") (result i32) (call $name (ref.null $shape)))
  (func (export "name of a constant") (result i32) (call $name (global.get $constant)))
  (func (export "area of what a descriptor keeps") (result i32)
    (struct.get $shape $area (struct.get $square.desc $extra (global.get $three))))

  ;; 1, 2 or 3 by its descriptor; 0 for none of these.
  (func $which (param $any anyref) (result i32)
    (block $not1 (result anyref)
      (drop (br_on_cast_desc_eq_fail $not1 anyref (ref (exact $shape)) (local.get $any) (global.get $one)))
      (return (i32.const 1)))
    (drop)
    (block $is2 (result (ref $shape))
      (drop (br_on_cast_desc_eq $is2 anyref (ref $shape) (local.get $any) (global.get $two)))
      (block $is3 (result (ref null $square))
        (drop (br_on_cast_desc_eq $is3 anyref (ref null $square) (local.get $any) (global.get $three)))
        (return (i32.const 0)))
      (drop)
      (return (i32.const 3)))
    (drop)
    (i32.const 2))
  (func (export "which") (param i32) (result i32) (call $which (call $shape (local.get 0))))
  (func (export "which is a number") (result i32) (call $which (ref.i31 (i32.const 5))))
  (func (export "which is null") (result i32) (call $which (ref.null none)))
  (func (export "which is a descriptor") (result i32) (call $which (global.get $one)))
  (func (export "which is of the host") (param externref) (result i32)
    (call $which (any.convert_extern (local.get 0))))

  (func (export "cast") (param i32) (result i32)
    (struct.get $shape $area (ref.cast_desc_eq (ref $shape) (call $shape (local.get 0)) (global.get $one))))
  (func (export "cast null") (result i32)
    (ref.is_null (ref.cast_desc_eq (ref null $shape) (ref.null none) (global.get $one))))
  (func (export "cast null to more") (drop (ref.cast_desc_eq (ref $shape) (ref.null none) (global.get $one))))
  (func (export "cast by null")
    (drop (ref.cast_desc_eq (ref $shape) (call $shape (i32.const 1)) (ref.null (exact $shape.desc)))))
  (func (export "new by null") (drop (struct.new_default_desc $shape (ref.null (exact $shape.desc)))))

  (func (export "chain") (result i32) (local $a (ref null $a))
    (local.set $a (struct.new_desc $a (struct.new_desc $b (i32.const 5) (struct.new $c (i32.const 6)))))
    (i32.add
      (struct.get $b 0 (ref.get_desc $a (local.get $a)))
      (struct.get $c 0 (ref.get_desc $b (ref.get_desc $a (local.get $a))))))

  ;; Descriptors that nothing but their structures keep, many of them.
  (func (export "many") (result i32) (local $n i32) (local $sum i32) (local $shape (ref null $shape))
    (loop $again
      (local.set $shape
        (struct.new_desc $shape (i32.const 0) (struct.new $shape.desc (local.get $n))))
      (drop (struct.new $shape.desc (i32.const -1)))
      (local.set $sum (i32.add (local.get $sum) (call $name (local.get $shape))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 300))))
    (local.get $sum))

  ;; A square is no shape of the very type.
  (func (export "exactly") (param i32) (result i32) (ref.test (ref (exact $shape)) (call $shape (local.get 0)))))

(assert_return (invoke "name" (i32.const 1)) (i32.const 1))
(assert_return (invoke "name" (i32.const 2)) (i32.const 2))
(assert_return (invoke "name" (i32.const 3)) (i32.const 3))
(assert_trap (invoke "name of null") "null reference")
(assert_return (invoke "name of a constant") (i32.const 2))
(assert_return (invoke "area of what a descriptor keeps") (i32.const 30))
(assert_return (invoke "which" (i32.const 1)) (i32.const 1))
(assert_return (invoke "which" (i32.const 2)) (i32.const 2))
(assert_return (invoke "which" (i32.const 3)) (i32.const 3))
(assert_return (invoke "which is a number") (i32.const 0))
(assert_return (invoke "which is null") (i32.const 3))
(assert_return (invoke "which is a descriptor") (i32.const 0))
(assert_return (invoke "which is of the host" (ref.extern 1)) (i32.const 0))
(assert_return (invoke "cast" (i32.const 1)) (i32.const 10))
(assert_trap (invoke "cast" (i32.const 2)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 3)) "descriptor cast failure")
(assert_return (invoke "cast null") (i32.const 1))
(assert_trap (invoke "cast null to more") "descriptor cast failure")
(assert_trap (invoke "cast by null") "null descriptor reference")
(assert_trap (invoke "new by null") "null descriptor reference")
(assert_return (invoke "chain") (i32.const 11))
(assert_return (invoke "many") (i32.const 44850))
(assert_return (invoke "exactly" (i32.const 1)) (i32.const 1))
(assert_return (invoke "exactly" (i32.const 3)) (i32.const 0))

(assert_trap
  (module
    (rec (type $t (descriptor $d) (struct)) (type $d (describes $t) (struct)))
    (global (ref $t) (struct.new_desc $t (ref.null (exact $d)))))
  "null descriptor reference")
