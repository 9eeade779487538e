//! Module-level index spaces, and the engine-wide identity of types.
//!
//! Every index of the binary format has its own newtype, so that an index of one space is never used in another, and none of
//! them is ever mistaken for a run-time identity. [`DefTypeId`] is the only engine-wide identity here: comparing types of
//! different modules is sound through it alone.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as a position in a slice.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The index of a position in a slice. Positions are bounded by the implementation limits, far below 2^32.
            #[inline]
            pub fn new(position: usize) -> Self {
                debug_assert!(u32::try_from(position).is_ok());
                Self(position as u32)
            }
        }
    )*};
}

index! {
    /// Index of a type within its module.
    TypeIdx,
    /// Index of a function within its module; imported functions come first.
    FuncIdx,
    /// Index of a function among those its module defines (that is, without the imported ones).
    DefinedFuncIdx,
    /// Index of a function among those of its module that can become a `funcref`.
    FuncRefIdx,
    /// Index of a table within its module; imported tables come first.
    TableIdx,
    /// Index of a memory within its module; imported memories come first.
    MemIdx,
    /// Index of a global within its module; imported globals come first.
    GlobalIdx,
    /// Index of a tag within its module; imported tags come first.
    TagIdx,
    /// Index of an element segment within its module.
    ElemIdx,
    /// Index of a data segment within its module.
    DataIdx,
    /// Index of a local within its function; parameters come first.
    LocalIdx,
    /// Engine-wide identity of a defined type: equal exactly when the types are equal by the specification's
    /// iso-recursive equivalence, whichever module they come from.
    DefTypeId,
}
