//! Why running code stops: the trap codes, with the messages that the specification's tests expect.

use std::fmt;

macro_rules! trap_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $message:literal;)*) => {
        /// The reason of a trap.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum TrapCode { $($(#[$doc])* $name = $number,)* }

        impl TrapCode {
            /// Every code.
            pub const ALL: &[TrapCode] = &[$(TrapCode::$name),*];

            /// The message of the specification's tests.
            pub fn message(self) -> &'static str {
                match self { $(TrapCode::$name => $message,)* }
            }

            /// The code of a number that [`TrapCode`] was cast to.
            pub fn from_u8(number: u8) -> Option<Self> {
                match number { $($number => Some(TrapCode::$name),)* _ => None }
            }
        }
    };
}

trap_codes! {
    /// The `unreachable` instruction was executed.
    Unreachable = 1, "unreachable";
    /// A memory access outside its bounds.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// A table access outside its bounds, by a table instruction.
    TableOutOfBounds = 3, "out of bounds table access";
    /// An indirect call through an index outside the table.
    UndefinedElement = 4, "undefined element";
    /// An indirect call through a null element.
    UninitializedElement = 5, "uninitialized element";
    /// An indirect call to a function of another type.
    IndirectCallTypeMismatch = 6, "indirect call type mismatch";
    /// Integer division by zero.
    IntegerDivideByZero = 7, "integer divide by zero";
    /// Integer division or conversion whose result does not fit.
    IntegerOverflow = 8, "integer overflow";
    /// Conversion of a NaN to an integer.
    InvalidConversionToInteger = 9, "invalid conversion to integer";
    /// The stack is used up.
    CallStackExhausted = 10, "call stack exhausted";
    /// A null reference where none is allowed.
    NullReference = 11, "null reference";
    /// A call through a null function reference.
    NullFunctionReference = 12, "null function reference";
    /// An `i31.get` of null.
    NullI31Reference = 13, "null i31 reference";
    /// A structure access through null.
    NullStructureReference = 14, "null structure reference";
    /// An array access through null.
    NullArrayReference = 15, "null array reference";
    /// An array access outside its bounds.
    ArrayOutOfBounds = 16, "out of bounds array access";
    /// A failed `ref.cast`.
    CastFailure = 17, "cast failure";
    /// A `throw_ref` of null.
    NullExceptionReference = 18, "null exception reference";
    /// An atomic access that is not aligned.
    UnalignedAtomic = 19, "unaligned atomic";
    /// A wait on a memory that is not shared.
    ExpectedSharedMemory = 20, "expected shared memory";
    /// An allocation that the engine's limits or the system refused.
    AllocationFailed = 21, "allocation failed";
    /// The embedder asked the running code to stop.
    Interrupted = 22, "interrupted";
    /// A suspension with no handler for its tag.
    UnhandledTag = 23, "unhandled tag";
    /// A continuation used a second time.
    ContinuationConsumed = 24, "continuation already consumed";
    /// An index that is not below the length of a string, in a builtin function of JavaScript.
    StringOutOfBounds = 25, "string offset out of bounds";
    /// A number that is no code point, in a builtin function of JavaScript.
    InvalidCodePoint = 26, "invalid code point";
    /// A wait by an agent that may not wait.
    WaitForbidden = 27, "Atomics.wait cannot be called in this context";
    /// A null descriptor where one is needed.
    NullDescriptorReference = 28, "null descriptor reference";
    /// A failed `ref.cast_desc_eq`.
    DescriptorCastFailure = 29, "descriptor cast failure";
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
