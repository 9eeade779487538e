//! The operations that compiled code asks the running side for.
//!
//! One table declares them all: the compiler takes the signatures from it, the running side fills an array of entry points in
//! the same order, and compiled code finds the array through its `VMContext`. All use the platform's C calling convention and
//! take the `VMContext` of the calling instance first. `u8`/`u32` parameters are `i32` to the code generator.
//!
//! An operation that can fail says how: the function that implements it returns 0 ([`Failure::Zero`]) or -1, all ones
//! ([`Failure::MinusOne`]) when a trap or an exception is pending. Its entry point then raises that, in place of returning, so that
//! compiled code goes on only after success. Nothing unwinds through a Rust frame.

/// A parameter or result of a builtin as the code generator sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltinType {
    /// A pointer.
    Ptr,
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A reference of the `extern`, `any` or `exn` hierarchies (32 bits, in stack maps).
    GcRef,
}

/// How a builtin reports a pending trap or exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It cannot fail.
    Never,
    /// It returns 0 on failure, 1 otherwise: nothing for compiled code to look at.
    Zero,
    /// It returns -1 on failure, and no success ever does.
    MinusOne,
    /// It does not return.
    Diverges,
}

macro_rules! builtins {
    ($($(#[$doc:meta])* $name:ident($($param:ident: $pty:ident),*) $(-> $result:ident)?, $failure:ident;)*) => {
        /// Applies a macro to every builtin, in table order.
        #[macro_export]
        macro_rules! for_each_builtin {
            ($apply:ident) => { $apply! { $($name),* } };
        }

        /// One builtin.
        #[allow(non_camel_case_types, reason = "named as the functions that implement them")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u32)]
        pub enum Builtin { $($(#[$doc])* $name),* }

        impl Builtin {
            /// Every builtin, in the order of the array of entry points.
            pub const ALL: &[Builtin] = &[$(Builtin::$name),*];

            /// Parameters after the `VMContext`.
            pub fn params(self) -> &'static [BuiltinType] {
                match self { $(Builtin::$name => &[$(BuiltinType::$pty),*],)* }
            }

            /// Result, where there is one.
            pub fn result(self) -> Option<BuiltinType> {
                match self { $(Builtin::$name => builtins!(@result $($result)?),)* }
            }

            /// How it fails.
            pub const fn failure(self) -> Failure {
                match self { $(Builtin::$name => Failure::$failure,)* }
            }
        }
    };
    (@result) => { None };
    (@result $result:ident) => { Some(BuiltinType::$result) };
}

builtins! {
    /// Continues the pending trap or exception in the nearest handler.
    raise(), Diverges;
    /// Makes a trap of a `TrapCode` and raises it.
    trap(code: I32), Diverges;
    /// Asked at a safepoint whose interrupt flag is set: lets the embedder decide whether the code goes on.
    interrupt() -> I32, Zero;
    /// Tells that the highest bit of a function's heat is set. Whoever takes note of it makes the function colder.
    hot(func: I32), Never;
    /// `memory.grow`: the old size in pages, or -1 when it cannot grow (which is no failure).
    memory_grow(memory: I32, delta: I64) -> I64, Never;
    /// `memory.copy`.
    memory_copy(dst_memory: I32, src_memory: I32, dst: I64, src: I64, len: I64) -> I32, Zero;
    /// `memory.fill`.
    memory_fill(memory: I32, dst: I64, value: I32, len: I64) -> I32, Zero;
    /// `memory.init`.
    memory_init(memory: I32, data: I32, dst: I64, src: I32, len: I32) -> I32, Zero;
    /// `data.drop`.
    data_drop(data: I32), Never;
    /// `memory.atomic.notify`: the number of waiters woken. The address is checked.
    memory_atomic_notify(memory: I32, address: I64, count: I32) -> I64, MinusOne;
    /// `memory.atomic.wait32`: 0 woken, 1 not equal, 2 timed out.
    memory_atomic_wait32(memory: I32, address: I64, expected: I32, timeout: I64) -> I64, MinusOne;
    /// `memory.atomic.wait64`: 0 woken, 1 not equal, 2 timed out.
    memory_atomic_wait64(memory: I32, address: I64, expected: I64, timeout: I64) -> I64, MinusOne;
    /// `table.get` of a function table whose element is not filled yet, or of any index of it: a `VMFuncRef` pointer or 0.
    table_get_func(table: I32, index: I64) -> I64, MinusOne;
    /// `table.get` of a table of host, aggregate or exception references: the reference, zero-extended.
    table_get_ref(table: I32, index: I64) -> I64, MinusOne;
    /// `table.set` of a function table.
    table_set_func(table: I32, index: I64, value: Ptr) -> I32, Zero;
    /// `table.set` of a table of host, aggregate or exception references.
    table_set_ref(table: I32, index: I64, value: GcRef) -> I32, Zero;
    /// `table.grow` of a function table: the old size, or -1 when it cannot grow (which is no failure).
    table_grow_func(table: I32, value: Ptr, delta: I64) -> I64, Never;
    /// `table.grow` of a table of other references.
    table_grow_ref(table: I32, value: GcRef, delta: I64) -> I64, Never;
    /// `table.fill` of a function table.
    table_fill_func(table: I32, dst: I64, value: Ptr, len: I64) -> I32, Zero;
    /// `table.fill` of a table of other references.
    table_fill_ref(table: I32, dst: I64, value: GcRef, len: I64) -> I32, Zero;
    /// `table.copy`.
    table_copy(dst_table: I32, src_table: I32, dst: I64, src: I64, len: I64) -> I32, Zero;
    /// `table.init`.
    table_init(table: I32, elem: I32, dst: I64, src: I32, len: I32) -> I32, Zero;
    /// `elem.drop`.
    elem_drop(elem: I32), Never;
    /// `ref.func`: the `VMFuncRef` of a function of this instance.
    ref_func(func: I32) -> Ptr, Never;
    /// `global.get` of a host, aggregate or exception reference: the reference, zero-extended.
    global_get_ref(global: I32) -> I64, MinusOne;
    /// `global.set` of a host, aggregate or exception reference.
    global_set_ref(global: I32, value: GcRef), Never;
    /// `global.set` of a function reference.
    global_set_func(global: I32, value: Ptr), Never;
    /// A zeroed structure of a type of the module, with its header: what code asks for where it cannot allocate by itself. References come
    /// zero-extended, here and below.
    gc_new_struct(ty: I32) -> I64, MinusOne;
    /// A zeroed array of a type of the module, with its header and length.
    gc_new_array(ty: I32, len: I32) -> I64, MinusOne;
    /// `array.new_data`.
    array_new_data(ty: I32, data: I32, offset: I32, len: I32) -> I64, MinusOne;
    /// `array.new_elem`.
    array_new_elem(ty: I32, elem: I32, offset: I32, len: I32) -> I64, MinusOne;
    /// `array.fill` with an element's bits; a function is given by its number. The array is not null, here and below.
    array_fill(array: GcRef, index: I32, low: I64, high: I64, len: I32) -> I32, Zero;
    /// `array.copy`.
    array_copy(dst_array: GcRef, dst: I32, src_array: GcRef, src: I32, len: I32) -> I32, Zero;
    /// `array.init_data`: the segment in the high half, the source offset in the low half.
    array_init_data(array: GcRef, index: I32, data_and_offset: I64, len: I32) -> I32, Zero;
    /// `array.init_elem`: the segment in the high half, the source offset in the low half.
    array_init_elem(array: GcRef, index: I32, elem_and_offset: I64, len: I32) -> I32, Zero;
    /// The number by which a field holds a function that is not null. Never collects; the number has to be stored before the next call that may.
    func_to_heap(func: Ptr) -> I64, MinusOne;
    /// An exception of a tag of the module, its values zero.
    exception_new(tag: I32) -> I64, MinusOne;
    /// `throw_ref` of an exception that is not null.
    throw_ref(exception: GcRef), Diverges;
}
