;; What a function keeps in registers is there again where it catches, and what its caller keeps there when it returns: the functions in between, which
;; the exception leaves, used those registers and did not put them back.

(module
  (tag $e (param i32))
  (type $box (struct (field (mut i32))))

  ;; Keeps as much in registers as it can, at every depth, and throws at the last.
  (func $throw (param $depth i32) (param $value i32)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $f f64) (local $turns i32)
    (local.set $turns (i32.const 5))
    (loop $again
      (local.set $a (i64.add (local.get $a) (i64.const 0x1111)))
      (local.set $b (i64.xor (local.get $b) (local.get $a)))
      (local.set $c (i64.sub (local.get $c) (local.get $b)))
      (local.set $d (i64.add (local.get $d) (local.get $c)))
      (local.set $f (f64.add (local.get $f) (f64.const 0.5)))
      (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
    (if (i32.eqz (local.get $depth)) (then (throw $e (local.get $value))))
    (call $throw (i32.sub (local.get $depth) (i32.const 1)) (local.get $value))
    (drop (i64.add (i64.add (local.get $a) (local.get $b)) (i64.add (local.get $c) (local.get $d)))))

  (func $catching (export "catching") (param $n i32) (result i64)
    (local $i i32) (local $x i64) (local $y i64) (local $z i64) (local $f f64) (local $ref (ref null $box)) (local $sum i64)
    (loop $again
      (local.set $x (i64.add (local.get $x) (i64.extend_i32_u (local.get $i))))
      (local.set $y (i64.add (local.get $y) (i64.mul (local.get $x) (i64.const 3))))
      (local.set $z (i64.xor (local.get $z) (local.get $y)))
      (local.set $f (f64.add (local.get $f) (f64.const 1.5)))
      (local.set $ref (struct.new $box (local.get $i)))
      (local.get $sum)
      (i64.const 31)
      (i64.mul)
      (block $caught (result i32)
        (try_table (catch $e $caught)
          (call $throw (i32.const 3) (i32.add (local.get $i) (i32.const 7))))
        (i32.const 0))
      (i64.extend_i32_u)
      (i64.add)
      (local.set $sum)
      (local.set $sum (i64.add (local.get $sum) (i64.add (local.get $x) (i64.add (local.get $y) (local.get $z)))))
      (local.set $sum (i64.add (local.get $sum) (i64.trunc_f64_s (local.get $f))))
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (struct.get $box 0 (local.get $ref)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum))

  ;; The older form.
  (func $caught_before (param $n i32) (result i64)
    (local $i i32) (local $x i64) (local $y i64) (local $f f64)
    (loop $again
      (local.set $x (i64.add (local.get $x) (i64.const 5)))
      (local.set $y (i64.xor (local.get $y) (local.get $x)))
      (local.set $f (f64.add (local.get $f) (f64.const 2)))
      (i32.const 1)
      try (param i32) (result i32)
        local.get $i
        call $throw
        i32.const 0
      catch $e
      catch_all
        i32.const 0
      end
      i64.extend_i32_u
      local.get $x
      i64.add
      local.set $x
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i64.add (i64.add (local.get $x) (local.get $y)) (i64.trunc_f64_s (local.get $f))))

  (func (export "caller") (param $n i32) (result i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $i i32)
    (loop $again
      (local.set $a (i64.add (local.get $a) (i64.const 1)))
      (local.set $b (i64.add (local.get $b) (local.get $a)))
      (local.set $c (i64.add (local.get $c) (local.get $b)))
      (local.set $d (i64.add (local.get $d) (local.get $c)))
      (local.set $d (i64.add (local.get $d) (call $catching (i32.const 4))))
      (local.set $d (i64.add (local.get $d) (call $caught_before (i32.const 4))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i64.add (i64.add (local.get $a) (local.get $b)) (i64.add (local.get $c) (local.get $d)))))

(assert_return (invoke "catching" (i32.const 1)) (i64.const 8))
(assert_return (invoke "catching" (i32.const 100)) (i64.const 2941651811846443646))
(assert_return (invoke "caller" (i32.const 3)) (i64.const 774322))
(assert_return (invoke "caller" (i32.const 40)) (i64.const 10459590))
