//! Memory for SharedArrayBuffers: QuickJS makes growable ones only where its embedder gives it functions for that, and asks those
//! functions, not the buffer's own, when it lets a block go.
//!
//! The functions may be installed while the runtime has SharedArrayBuffers already, whose blocks QuickJS itself allocated and now wants freed
//! here. So every block that was allocated here is on a list, and what is not on it is left alone: such a block leaks. Shared memories are on the
//! list, too, as long as a buffer shows them. Functions that an embedder gave QuickJS would take them for blocks of their own, so ours are
//! installed when a runtime makes the first buffer of a shared memory.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
use std::sync::{LazyLock, Mutex, PoisonError};

use chalcid::{LinearMemory, SharedMemory};
use rquickjs::{Ctx, qjs};

/// What typed arrays and atomics need.
const ALIGN: usize = 16;

/// A block that buffers share, of any number of runtimes.
struct Block {
    owner: Owner,
    buffers: usize,
}

/// Whose the bytes are.
enum Owner {
    /// Allocated here.
    Heap(Layout),
    /// A memory's: mapped at least as long as a buffer shows it.
    Memory(SharedMemory),
}

/// Makes sure that a memory's block stays as long as the buffer that `make` makes.
pub(crate) fn hold<T>(
    ctx: NonNull<qjs::JSContext>,
    memory: SharedMemory,
    bytes: &LinearMemory,
    make: impl FnOnce(*mut u8) -> T,
) -> T {
    install(ctx);
    let base = bytes.base();
    // The count of this function itself.
    with_blocks(|blocks| {
        blocks.entry(base.addr()).or_insert_with(|| Block { owner: Owner::Memory(memory), buffers: 0 }).buffers += 1;
    });
    let made = make(base);
    let last = with_blocks(|blocks| forget(blocks, base.addr()));
    drop(last);
    made
}

/// The memory whose bytes begin at an address; `None` for every other block.
pub(crate) fn memory_at(address: usize) -> Option<SharedMemory> {
    with_blocks(|blocks| match &blocks.get(&address)?.owner {
        Owner::Memory(memory) => Some(memory.clone()),
        Owner::Heap(_) => None,
    })
}

/// Takes a buffer from a block, and the block from the list with its last buffer.
fn forget(blocks: &mut HashMap<usize, Block>, address: usize) -> Option<Block> {
    let found = blocks.get_mut(&address)?;
    found.buffers -= 1;
    if found.buffers > 0 { None } else { blocks.remove(&address) }
}

/// The blocks by address.
static BLOCKS: LazyLock<Mutex<HashMap<usize, Block>>> = LazyLock::new(Mutex::default);

fn with_blocks<R>(steps: impl FnOnce(&mut HashMap<usize, Block>) -> R) -> R {
    steps(&mut BLOCKS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Lets a runtime make growable SharedArrayBuffers. It replaces memory functions that the embedder may have given to QuickJS for
/// SharedArrayBuffers before.
pub fn enable_growable_shared_buffers(ctx: &Ctx<'_>) {
    install(ctx.as_raw());
}

fn install(ctx: NonNull<qjs::JSContext>) {
    let functions = qjs::JSSharedArrayBufferFunctions {
        sab_alloc: Some(allocate),
        sab_free: Some(release),
        sab_dup: Some(retain),
        sab_opaque: null_mut(),
    };
    // SAFETY: context and runtime are live, and the runtime copies the structure.
    unsafe { qjs::JS_SetSharedArrayBufferFunctions(qjs::JS_GetRuntime(ctx.as_ptr()), &functions) };
}

unsafe extern "C" fn allocate(_: *mut c_void, size: qjs::size_t) -> *mut c_void {
    let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
    let Ok(layout) = Layout::from_size_align(size, ALIGN) else { return null_mut() };
    // SAFETY: the layout's size is not zero.
    let block = unsafe { alloc_zeroed(layout) };
    if !block.is_null() {
        with_blocks(|blocks| blocks.insert(block.addr(), Block { owner: Owner::Heap(layout), buffers: 1 }));
    }
    block.cast()
}

unsafe extern "C" fn retain(_: *mut c_void, block: *mut c_void) {
    with_blocks(|blocks| {
        if let Some(block) = blocks.get_mut(&block.addr()) {
            block.buffers += 1;
        }
    });
}

unsafe extern "C" fn release(_: *mut c_void, block: *mut c_void) {
    let last = with_blocks(|blocks| forget(blocks, block.addr()));
    if let Some(Block { owner: Owner::Heap(layout), .. }) = last {
        // SAFETY: the block was on the list, so it was allocated here with that layout, and no buffer has it any more.
        unsafe { dealloc(block.cast(), layout) };
    }
}
