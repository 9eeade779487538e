//! Implementation limits: every number in one table, with where it comes from.
//!
//! "JS API" is the section "Implementation-defined limits" of the WebAssembly JavaScript Interface; its bullets are quoted by
//! their subject. Those marked *library* are enforced by the validating library, the others by this crate while decoding and
//! validating, or by the running side. What the text leaves open ("ours") follows what engines agree on.

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $value:expr;)*) => {
        $($(#[$doc])* pub const $name: $ty = $value;)*
    };
}

limits! {
    // Modules, when they are compiled: a CompileError.

    /// JS API: size of a module in bytes.
    MAX_MODULE_SIZE: usize = 1 << 30;
    /// JS API: number of types defined in the types section; also of recursion groups, and of types in one group. *Library.*
    MAX_TYPES: usize = 1_000_000;
    /// JS API: depth of the subtyping hierarchy. *Library.*
    MAX_SUBTYPING_DEPTH: usize = 63;
    /// JS API: number of functions defined in a module. *Library.*
    MAX_FUNCTIONS: usize = 1_000_000;
    /// JS API: number of imports. *Library.*
    MAX_IMPORTS: usize = 1_000_000;
    /// Ours: bytes that the names of compact imports take when every import is written with its own, as other engines and the library
    /// keep them.
    MAX_COMPACT_IMPORT_NAMES: u64 = 64 << 20;
    /// JS API: number of exports. *Library.*
    MAX_EXPORTS: usize = 1_000_000;
    /// JS API: number of globals. *Library.*
    MAX_GLOBALS: usize = 1_000_000;
    /// JS API: number of tags. *Library.*
    MAX_TAGS: usize = 1_000_000;
    /// JS API: number of data segments. *Library.*
    MAX_DATA_SEGMENTS: usize = 100_000;
    /// JS API: number of tables. *Library.*
    MAX_TABLES: usize = 100_000;
    /// JS API: number of memories. *Library.*
    MAX_MEMORIES: usize = 100;
    /// The text has no bullet: number of element segments, as the official test has it.
    MAX_ELEMENT_SEGMENTS: usize = 10_000_000;
    /// JS API: number of entries in any table initialization. *Library.*
    MAX_TABLE_ENTRIES: usize = 10_000_000;
    /// JS API: number of parameters of any function or block. *Library.*
    MAX_PARAMS: usize = 1_000;
    /// JS API: number of results of any function or block. *Library.*
    MAX_RESULTS: usize = 1_000;
    /// JS API: size of a function body in bytes, declarations of locals included. *Library.*
    MAX_FUNCTION_SIZE: usize = 7_654_321;
    /// JS API: number of locals of a function, parameters included. *Library.*
    MAX_LOCALS: usize = 50_000;
    /// JS API: number of fields of a structure. *Library.*
    MAX_STRUCT_FIELDS: usize = 10_000;
    /// JS API: number of operands of `array.new_fixed`.
    MAX_ARRAY_NEW_FIXED: u32 = 10_000;
    /// JS API: pages of a 32-bit memory's declared limits. *Library.*
    MAX_MEMORY32_PAGES: u64 = 65_536;
    /// JS API: pages of a 64-bit memory's declared limits.
    MAX_MEMORY64_PAGES: u64 = (1 << 37) - 1;
    /// Ours (V8 and SpiderMonkey agree): number of targets of one `br_table`.
    MAX_BR_TABLE_TARGETS: u32 = 65_520;
    /// Ours: number of values on a function's operand stack.
    MAX_OPERAND_STACK_HEIGHT: u32 = 65_536;
    /// Ours (engines agree): bytes of an import's or export's name. *Library.*
    MAX_NAME_SIZE: usize = 100_000;
    /// Ours: types pushed, popped or compared while one function is validated, beyond one an instruction.
    MAX_FUNCTION_VALIDATION_WORK: u64 = 50_000_000;
    /// Ours: the same for all functions of a module.
    MAX_MODULE_VALIDATION_WORK: u64 = 500_000_000;

    // What runs: a trap, a RangeError, or a failed growth.

    /// JS API: size of a table in elements.
    MAX_TABLE_SIZE: u64 = 10_000_000;
    /// JS API: size of a 32-bit memory in pages.
    MAX_MEMORY32_SIZE: u64 = 65_536;
    /// JS API: size of a 64-bit memory in pages (16 GiB).
    MAX_MEMORY64_SIZE: u64 = 262_144;
}
