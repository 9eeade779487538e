;; Globals of the module itself lie in the context; a store to memory does not make the code read them again; a constant costs nothing.
(module
  (memory 1)
  (global $pointer (mut i32) (i32.const 65536))
  (global $size i32 (i32.const 16))
  (func (param i32)
    (global.set $pointer (i32.sub (global.get $pointer) (global.get $size)))
    (i32.store (global.get $pointer) (local.get 0))
    (global.set $pointer (i32.add (global.get $pointer) (global.get $size)))))
