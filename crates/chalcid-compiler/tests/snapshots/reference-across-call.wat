;; A reference that lives across a call is stored where the stack map says, and read back after the call.
(module
  (func $f)
  (func (param externref) (result externref)
    (call $f)
    (local.get 0)))
