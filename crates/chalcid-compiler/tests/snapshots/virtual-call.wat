(module
  (rec
    (type $method (sub (func (param (ref $object)) (result i32))))
    (type $table (sub (struct (field (ref $method)) (field (ref $method)))))
    (type $object (sub (struct (field (ref $table))))))
  (func (param $o (ref $object)) (result i32)
    (call_ref $method (local.get $o) (struct.get $table 1 (struct.get $object 0 (local.get $o))))))
