//! The structs that compiled code and this crate share, as `chalcid_module::layout` declares them.
//!
//! Everything here is read and written by machine code behind Rust's back: fields that change are `Cell`s or atomics, and the
//! structs are only ever reached through shared references and raw pointers.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

use chalcid_module::layout;

use crate::value::ValRaw;

/// One pointer to machine code. Shared by all instances of a module on all threads; compiled code reads it at each call.
pub type VMCodeSlot = AtomicPtr<u8>;

/// The header of an instance's context; arrays follow as `VMContextLayout` says.
#[repr(C, align(16))]
pub struct VMContext {
    pub magic: u32,
    pub agent: *mut VMAgent,
    pub code_slots: *const VMCodeSlot,
    pub type_ids: *const u32,
    pub builtins: *const *const u8,
    pub instance: Cell<*const c_void>,
    pub func_refs: Cell<*mut VMFuncRef>,
    pub heat: *const AtomicU32,
}

/// Context of a host function.
#[repr(C)]
pub struct VMHostContext {
    pub magic: u32,
    pub agent: *mut VMAgent,
    pub call: unsafe extern "C" fn(*mut VMHostContext, *mut ValRaw, u32) -> u32,
    pub builtins: *const *const u8,
    pub data: Cell<*const c_void>,
}

/// State of an agent that compiled code reads and writes.
#[repr(C)]
pub struct VMAgent {
    pub stack_limit: AtomicUsize,
    pub interrupt: AtomicU32,
    pub last_exit_fp: Cell<usize>,
    pub last_exit_pc: Cell<usize>,
    pub heap_base: Cell<*mut u8>,
    pub alloc_cursor: Cell<u64>,
    pub alloc_limit: Cell<u64>,
    pub type_infos: Cell<*const *const *const u32>,
    pub heap_funcs: Cell<*const *mut VMFuncRef>,
    pub heap_funcs_len: Cell<u64>,
    /// The innermost activation, of the agent's thread; other threads only look whether there is one.
    pub activation: AtomicPtr<crate::arch::Resume>,
    /// The agent that owns this block.
    pub owner: Cell<*const c_void>,
}

/// Where an imported function lies.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct VMFuncImport {
    pub slot: *const VMCodeSlot,
    pub vmctx: *mut c_void,
}

/// What a non-null `funcref` points to. Immutable once made.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMFuncRef {
    pub slot: *const VMCodeSlot,
    pub vmctx: *mut c_void,
    pub type_id: u32,
    pub index: u32,
}

/// A memory as an instance sees it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct VMMemoryRef {
    pub memory: *const VMMemory,
    pub base: *mut u8,
}

/// A memory.
#[repr(C)]
pub struct VMMemory {
    pub base: AtomicPtr<u8>,
    pub length: AtomicUsize,
}

/// A table.
#[repr(C)]
pub struct VMTable {
    pub elements: Cell<*mut usize>,
    pub length: Cell<u64>,
}

/// A global's storage.
#[repr(C, align(16))]
pub struct VMGlobal {
    pub value: Cell<ValRaw>,
}

/// A tag.
#[repr(C)]
pub struct VMTag {
    pub type_id: u32,
    pub number: Cell<u32>,
}

macro_rules! check {
    ($($ty:ty: $module:ident { $($field:ident = $offset:ident),* $(,)? })*) => {$(
        const _: () = assert!(size_of::<$ty>() == layout::$module::SIZE as usize);
        $(const _: () = assert!(offset_of!($ty, $field) == layout::$module::$offset as usize);)*
    )*};
}

check! {
    VMContext: vmcontext {
        magic = MAGIC, agent = AGENT, code_slots = CODE_SLOTS, type_ids = TYPE_IDS, builtins = BUILTINS,
        instance = INSTANCE, func_refs = FUNC_REFS, heat = HEAT,
    }
    VMHostContext: vmhostcontext { magic = MAGIC, agent = AGENT, call = CALL, builtins = BUILTINS, data = DATA }
    VMAgent: vmagent {
        stack_limit = STACK_LIMIT, interrupt = INTERRUPT, last_exit_fp = LAST_EXIT_FP, last_exit_pc = LAST_EXIT_PC,
        heap_base = HEAP_BASE, alloc_cursor = ALLOC_CURSOR, alloc_limit = ALLOC_LIMIT, type_infos = TYPE_INFOS,
        heap_funcs = HEAP_FUNCS, heap_funcs_len = HEAP_FUNCS_LEN,
    }
    VMFuncImport: vmfuncimport { slot = SLOT, vmctx = VMCTX }
    VMFuncRef: vmfuncref { slot = SLOT, vmctx = VMCTX, type_id = TYPE_ID, index = INDEX }
    VMMemoryRef: vmmemoryref { memory = MEMORY, base = BASE }
    VMMemory: vmmemory { base = BASE, length = LENGTH }
    VMTable: vmtable { elements = ELEMENTS, length = LENGTH }
    VMTag: vmtag { type_id = TYPE_ID, number = NUMBER }
    VMGlobal: vmglobal { value = VALUE }
}
const _: () = assert!(size_of::<VMCodeSlot>() == layout::CODE_SLOT_SIZE as usize);
const _: () = assert!(size_of::<ValRaw>() == layout::VAL_RAW_SIZE as usize);
const _: () = assert!(size_of::<AtomicU64>() == 8 && size_of::<usize>() == 8, "64-bit targets only");
