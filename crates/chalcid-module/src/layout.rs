//! The memory that compiled code and the running side share: every struct's fields and offsets, declared once.
//!
//! `chalcid-vm` declares the same structs as `#[repr(C)]` and asserts at compile time that each field lies where this file says.
//! All pointers are 8 bytes: Chalcid runs on 64-bit targets.
//!
//! ```text
//! VMContext (one an instance; also the start of a host function's context)
//!   header            see `vmcontext`
//!   function imports  VMFuncImport × imported functions
//!   memories          VMMemoryRef  × all memories
//!   tables            *VMTable     × all tables
//!   global pointers   *VMGlobal    × all globals (16-byte storage; null is never read for inline ones)
//!   tags              *VMTag       × all tags
//!   inline globals    16 bytes     × defined globals that are not exported, and whose type is not a reference
//! ```

use crate::declarations::Declarations;
use crate::index::*;
use crate::types::{AddressType, MemoryType, ValType};

/// Size of a pointer in bytes.
pub const POINTER_SIZE: u32 = 8;

macro_rules! offsets {
    ($($(#[$doc:meta])* mod $name:ident size $size:literal { $($(#[$fdoc:meta])* $field:ident = $offset:literal,)* })*) => {$(
        $(#[$doc])*
        pub mod $name {
            /// Size in bytes.
            pub const SIZE: u32 = $size;
            $($(#[$fdoc])* pub const $field: u32 = $offset;)*
        }
    )*};
}

offsets! {
    /// Header of a `VMContext`. Host functions' contexts share `MAGIC`, `AGENT`.
    mod vmcontext size 64 {
        /// `u32`: [`INSTANCE_MAGIC`](super::INSTANCE_MAGIC) or [`HOST_MAGIC`](super::HOST_MAGIC).
        MAGIC = 0,
        /// `*mut VMAgent`; never changes.
        AGENT = 8,
        /// `*const VMCodeSlot`: code slots of the module's defined functions, by `DefinedFuncIdx`; never changes.
        CODE_SLOTS = 16,
        /// `*const u32`: `DefTypeId` by `TypeIdx`; never changes.
        TYPE_IDS = 24,
        /// `*const *const u8`: entry points of the builtins, in table order; never changes.
        BUILTINS = 32,
        /// Owner's pointer back to the instance; not for compiled code.
        INSTANCE = 40,
        /// `*mut VMFuncRef` by `FuncRefIdx`, each valid once `ref_func` returned it; not for compiled code.
        FUNC_REFS = 48,
        /// `*mut u32`: how warm each of the module's defined functions is, by `DefinedFuncIdx`; the pointer never changes. Code that counts
        /// adds to it, on all threads and without care for lost additions, and calls `hot` while the highest bit is set.
        HEAT = 56,
    }
    /// Context of a host function: what its wasm-to-host trampoline receives as `vmctx`.
    mod vmhostcontext size 40 {
        /// `u32`: [`HOST_MAGIC`](super::HOST_MAGIC).
        MAGIC = 0,
        /// `*mut VMAgent`.
        AGENT = 8,
        /// `extern "C" fn(*mut VMHostContext, *mut ValRaw, u32 count) -> u32`: 0 when a trap or exception is pending.
        CALL = 16,
        /// `*const *const u8`: the builtins, for `raise`.
        BUILTINS = 24,
        /// Owner's data.
        DATA = 32,
    }
    /// State of an agent (a thread of JavaScript) that compiled code reads and writes.
    mod vmagent size 96 {
        /// `usize`: lowest stack pointer that code may use; raised to the top to make code call `interrupt`.
        STACK_LIMIT = 0,
        /// `u32`: not zero when safepoints must call `interrupt`.
        INTERRUPT = 8,
        /// `usize`: frame pointer of the wasm frame that last called out.
        LAST_EXIT_FP = 16,
        /// `usize`: its return address.
        LAST_EXIT_PC = 24,
        /// `*mut u8`: base of the heap of objects. Never changes once code can hold a reference to an object.
        HEAP_BASE = 32,
        /// `u64`: offset in the heap where the next object may begin; a multiple of 8.
        ALLOC_CURSOR = 40,
        /// `u64`: offset that objects allocated inline must not exceed. The bytes between the two are zero. 0 sends every allocation to
        /// the running side.
        ALLOC_LIMIT = 48,
        /// `*const *const *const u32`: see [`type_info`](super::type_info). Never changes.
        TYPE_INFOS = 56,
        /// `*const *mut VMFuncRef`: the functions that objects of the heap refer to, by the number that a field holds. Moves when it grows.
        HEAP_FUNCS = 64,
        /// `u64`: number of these.
        HEAP_FUNCS_LEN = 72,
    }
    /// Where an imported function lies.
    mod vmfuncimport size 16 {
        /// `*const VMCodeSlot`; never changes.
        SLOT = 0,
        /// `*mut VMContext` of the callee; never changes.
        VMCTX = 8,
    }
    /// A function reference: what a non-null `funcref` points to.
    mod vmfuncref size 24 {
        /// `*const VMCodeSlot`; never changes.
        SLOT = 0,
        /// `*mut VMContext` of the callee; never changes.
        VMCTX = 8,
        /// `u32`: `DefTypeId` of its type; never changes.
        TYPE_ID = 16,
        /// `u32`: index in its module (or among the function imports, for host functions).
        INDEX = 20,
    }
    /// A memory as an instance sees it.
    mod vmmemoryref size 16 {
        /// `*mut VMMemory`; never changes.
        MEMORY = 0,
        /// `*mut u8`: base of a memory that never moves. Only for memories planned as static.
        BASE = 8,
    }
    /// A memory.
    mod vmmemory size 16 {
        /// `*mut u8`.
        BASE = 0,
        /// `usize`: current size in bytes. Atomic for shared memories.
        LENGTH = 8,
    }
    /// A table.
    mod vmtable size 16 {
        /// `*mut usize`: elements of a function table, 0 not filled yet (ask `table_get_func`), else the `VMFuncRef` pointer
        /// (or 0 for null) with bit 0 set. Null for other tables: their elements are the running side's alone.
        ELEMENTS = 0,
        /// `u64`: current number of elements.
        LENGTH = 8,
    }
    /// A tag.
    mod vmtag size 8 {
        /// `u32`: `DefTypeId` of its type; never changes.
        TYPE_ID = 0,
        /// `u32`: the number by which exceptions in the heap name the tag; 0 as long as none does. Given when an exception is made, and taken
        /// back when the last one is gone.
        NUMBER = 4,
    }
    /// A global's storage: the value in its lowest bytes. Function references are plain `VMFuncRef` pointers. Other
    /// references are written by the running side alone; what is here is their 32 bits, zero-extended, or [`GLOBAL_ASK`](super::GLOBAL_ASK).
    mod vmglobal size 16 {
        /// The value.
        VALUE = 0,
    }
}

/// How code asks whether a type has another above it, in constant time.
///
/// A `DefTypeId` is below 2^[`ID_BITS`](type_info::ID_BITS). `TYPE_INFOS[id >> CHUNK_BITS][id & CHUNK_MASK]` points to the *display* of its type: a `u32`, how many
/// declared supertypes the type has, and from [`DISPLAY`](type_info::DISPLAY) on the `u32` identities of all of them, the root first, and of
/// the type itself last. There are always [`ALWAYS`](type_info::ALWAYS) of these, padded with 0, so that a question about a shallow type needs no bounds check. Every
/// pointer on the way can be read for any identity: what was never given out leads to a display of zeros.
pub mod type_info {
    /// Bits of an identity.
    pub const ID_BITS: u32 = 26;
    /// Bits of an identity that choose within a chunk.
    pub const CHUNK_BITS: u32 = 12;
    /// Mask of these bits.
    pub const CHUNK_MASK: u32 = (1 << CHUNK_BITS) - 1;
    /// Offset of the number of supertypes.
    pub const DEPTH: u32 = 0;
    /// Offset of the identities.
    pub const DISPLAY: u32 = 4;
    /// How many identities a display has at least.
    pub const ALWAYS: u32 = 8;
}

/// `vmcontext::MAGIC` of an instance.
pub const INSTANCE_MAGIC: u32 = u32::from_le_bytes(*b"inst");
/// `vmcontext::MAGIC` of a host function's context.
pub const HOST_MAGIC: u32 = u32::from_le_bytes(*b"host");
/// What entering a function that counts adds to its heat.
pub const HEAT_OF_ENTRY: u32 = 1 << 16;
/// What a turn of a loop adds to it.
pub const HEAT_OF_TURN: u32 = 1 << 13;
/// Size of a code slot: one pointer to machine code.
pub const CODE_SLOT_SIZE: u32 = 8;
/// Size of a `ValRaw`: one value on its way into or out of wasm, in its lowest bytes.
pub const VAL_RAW_SIZE: u32 = 16;
/// What a global of a reference type holds in place of its value where code has to ask for it by `global_get_ref`, as for a host value.
pub const GLOBAL_ASK: u64 = u64::MAX;
/// Bit that marks a filled element of a function table.
pub const TABLE_FILLED: usize = 1;

/// Bytes that a static 32-bit memory reserves before its guard: every 32-bit address.
pub const STATIC_MEMORY_RESERVATION: u64 = 1 << 32;
/// Inaccessible bytes behind a static memory: constant offsets below this need no check.
pub const STATIC_MEMORY_GUARD: u64 = 1 << 31;

/// Code turns the address of a checked access that is out of bounds into one below this, where nothing is ever mapped: a fault of a known
/// trap site there is the trap, just as one in the reservation of a static memory.
///
/// The same number of bytes at the beginning of the heap of objects is inaccessible: an access through a null reference faults there, which
/// is the trap as well.
pub const NULL_GUARD: u64 = 4096;

/// How code keeps within a memory. Compiled code and whoever maps the memory have to agree: both ask [`MemoryPlan::of`], which looks
/// only at what the types of an import and of the memory behind it have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MemoryPlan {
    /// [`STATIC_MEMORY_RESERVATION`] and [`STATIC_MEMORY_GUARD`] bytes are mapped from the base on, and all behind the current size is
    /// inaccessible: what lies outside faults by itself. The base never moves, and `vmmemoryref::BASE` holds it.
    Static,
    /// Code compares every address with `vmmemory::LENGTH`. Growing may move the base of a memory that is not shared.
    Checked,
}

impl MemoryPlan {
    /// The plan for memories of a type, where `signals` says whether faults are handled.
    pub fn of(ty: &MemoryType, signals: bool) -> Self {
        // Pages of another size end where the CPU's pages do not.
        if signals && ty.address == AddressType::I32 && ty.page_size_log2 == 16 { Self::Static } else { Self::Checked }
    }
}

/// Where a module's instances keep what compiled code reads, in bytes from the start of their `VMContext`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VMContextLayout {
    func_imports: u32,
    memories: u32,
    tables: u32,
    globals: u32,
    tags: u32,
    /// Offset of each inline global's 16 bytes, by `GlobalIdx`; `u32::MAX` for those that live apart.
    inline_globals: Box<[u32]>,
    size: u32,
}

impl VMContextLayout {
    /// The layout for a module. Its counts are bounded by the implementation limits, so that no offset overflows.
    pub fn new(module: &Declarations) -> Self {
        let func_imports = vmcontext::SIZE;
        let memories = func_imports + module.imported.functions * vmfuncimport::SIZE;
        let tables = memories + module.memories.len() as u32 * vmmemoryref::SIZE;
        let globals = tables + module.tables.len() as u32 * POINTER_SIZE;
        let tags = globals + module.globals.len() as u32 * POINTER_SIZE;
        let mut next = (tags + module.tags.len() as u32 * POINTER_SIZE).next_multiple_of(16);
        let inline_globals = module
            .globals
            .iter()
            .map(|global| {
                let inline = global.init.is_some() && !global.exported && !matches!(global.ty.content, ValType::Ref(_));
                if inline {
                    let offset = next;
                    next += vmglobal::SIZE;
                    offset
                } else {
                    u32::MAX
                }
            })
            .collect();
        Self { func_imports, memories, tables, globals, tags, inline_globals, size: next }
    }

    /// Size of the whole `VMContext` in bytes; it is 16-byte aligned.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// A `VMFuncImport`.
    pub fn func_import(&self, func: FuncIdx) -> u32 {
        self.func_imports + func.0 * vmfuncimport::SIZE
    }

    /// A `VMMemoryRef`.
    pub fn memory(&self, memory: MemIdx) -> u32 {
        self.memories + memory.0 * vmmemoryref::SIZE
    }

    /// A `*mut VMTable`.
    pub fn table(&self, table: TableIdx) -> u32 {
        self.tables + table.0 * POINTER_SIZE
    }

    /// A `*mut VMGlobal`, valid for globals that are not inline.
    pub fn global_pointer(&self, global: GlobalIdx) -> u32 {
        self.globals + global.0 * POINTER_SIZE
    }

    /// A `*const VMTag`.
    pub fn tag(&self, tag: TagIdx) -> u32 {
        self.tags + tag.0 * POINTER_SIZE
    }

    /// The 16 bytes of a global that lives within the `VMContext` itself.
    pub fn inline_global(&self, global: GlobalIdx) -> Option<u32> {
        match self.inline_globals.get(global.index()) {
            Some(&u32::MAX) | None => None,
            Some(&offset) => Some(offset),
        }
    }
}
