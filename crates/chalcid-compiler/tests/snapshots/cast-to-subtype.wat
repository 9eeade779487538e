(module
  (type $a (sub (struct (field i32))))
  (type $b (sub $a (struct (field i32) (field i64))))
  (func (param anyref) (result i64)
    (struct.get $b 1 (ref.cast (ref $b) (local.get 0)))))
