(module
  (type $node (struct (field $value (mut i32)) (field $next (mut (ref null $node)))))
  (func (param $list (ref null $node)) (result i32) (local $sum i32)
    (loop $next
      (if (ref.is_null (local.get $list)) (then (return (local.get $sum))))
      (local.set $sum (i32.add (local.get $sum) (struct.get $node $value (local.get $list))))
      (local.set $list (struct.get $node $next (local.get $list)))
      (br $next))
    (unreachable)))
