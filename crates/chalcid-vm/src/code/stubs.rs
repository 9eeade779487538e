//! Lazy stubs: where the slot of a function points until it is compiled.
//!
//! Stub `i` sees to it that `i` gets into a register and control to a routine that all share (`arch::lazy_common`). So stubs belong to no module: there
//! are as many as the largest module has functions, made in blocks when they are first needed. There is a second family for functions whose
//! results do not fit into registers: they get their context in another register.

use std::sync::{Mutex, PoisonError};

use chalcid_module::artifact::CompiledCode;
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::types::ValType;

use super::{CodeError, CodeOwner, PublishedCode};
use crate::arch;
use crate::failure::Pending;
use crate::instance::Instance;
use crate::sys::stack::on_large_stack;
use crate::vmcontext::VMContext;

/// Stubs of a block.
const BLOCK: usize = arch::STUB_BLOCK;

/// Blocks by ascending index, for functions that return in registers and through memory.
static BLOCKS: Mutex<[Vec<PublishedCode>; 2]> = Mutex::new([Vec::new(), Vec::new()]);

/// The stubs that there are.
pub(crate) struct Stubs([Vec<usize>; 2]);

/// Makes sure that there are stubs for so many functions; those for functions that return through memory only if there are any such.
pub(crate) fn ensure(functions: usize, any_through_memory: bool) -> Result<Stubs, CodeError> {
    let mut families = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = functions.div_ceil(BLOCK);
    let mut starts = [Vec::new(), Vec::new()];
    for (through_memory, blocks) in families.iter_mut().enumerate() {
        if through_memory == 1 && !any_through_memory {
            break;
        }
        while blocks.len() < wanted {
            let first = u32::try_from(blocks.len() * BLOCK).map_err(|_| CodeError::OutOfMemory)?;
            let code = arch::write_stubs(first, through_memory == 1);
            let compiled = CompiledCode { code, alignment: 16, ..CompiledCode::default() };
            blocks.push(PublishedCode::publish(compiled, CodeOwner::Stub)?);
        }
        starts[through_memory] = blocks[..wanted].iter().map(|block| block.address() as usize).collect();
    }
    Ok(Stubs(starts))
}

impl Stubs {
    /// The stub of a function that was counted in `ensure`.
    pub(crate) fn address(&self, index: usize, through_memory: bool) -> *const u8 {
        let start = self.0[usize::from(through_memory)][index / BLOCK];
        (start + arch::stub_offset(index % BLOCK)) as *const u8
    }
}

/// Whether results are more than the wasm convention has registers for: 8 of either class.
pub(crate) fn returns_through_memory<I>(results: &[ValType<I>]) -> bool {
    let vectors = results.iter().filter(|ty| matches!(ty, ValType::F32 | ValType::F64 | ValType::V128)).count();
    vectors > 8 || results.len() - vectors > 8
}

/// Compiles a function for its first call and returns its code, or null with a failure pending.
///
/// # Safety
/// Called by `arch::lazy_common` with the context of the instance whose function is called.
pub(crate) unsafe extern "C" fn compile_function(vmctx: *const VMContext, func: u32) -> *const u8 {
    // SAFETY: the context's instance is running, so it is alive.
    let instance = unsafe { Instance::of_context(vmctx) };
    let code = on_large_stack(|| instance.compile(DefinedFuncIdx(func)));
    let failure = match code {
        Ok(Ok(code)) => return code,
        Ok(Err(failure)) => Pending::Failure(failure),
        Err(payload) => Pending::Panic(payload),
    };
    instance.agent().set_pending(failure);
    std::ptr::null()
}
