;; A table with few labels that are not its default becomes comparisons.
(module
  (func (param $chosen i32) (result i32)
    (block $other
      (block $two
        (block $zero
          (br_table $zero $other $two $other $other $two $other (local.get $chosen)))
        (return (i32.const 10)))
      (return (i32.const 12)))
    (i32.const 11)))
