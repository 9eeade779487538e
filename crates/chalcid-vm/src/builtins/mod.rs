//! The operations that compiled code asks for: `chalcid_module::builtins` declares them, this implements every one.
//!
//! Compiled code calls an *entry point*, a few instructions of `arch` that note where wasm was left and go on in the Rust function. Those functions
//! run through [`run`], which finds the instance, catches panics before they reach machine code, and records a failure for the entry point to raise.

mod aggregate;
mod atomic;
mod control;
mod exception;
mod memory;
mod reference;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chalcid_module::builtins::Builtin;
use chalcid_module::trap_code::TrapCode;

use crate::agent::Agent;
use crate::arch;
use crate::entity::Strong;
use crate::failure::{Failure, Pending};
use crate::func::Misuse;
use crate::instance::Instance;
use crate::vmcontext::VMContext;

/// Entry points, by name.
mod entries {
    use chalcid_module::builtins::{Builtin, Failure};

    pub(super) use super::arch::{raise, throw_ref, trap};
    use super::{aggregate, arch::builtin_entry, atomic, control, exception, memory, reference, table};

    macro_rules! entries {
        ($($failure:ident $family:ident: $($name:ident),*;)*) => {
            $($(
                builtin_entry!($failure, $name, $family::$name);
                const _: () = assert!(matches!(Builtin::$name.failure(), Failure::$failure), stringify!($name));
            )*)*
        };
    }

    entries! {
        Zero control: interrupt;
        Never control: hot;
        Never memory: memory_grow, data_drop;
        Zero memory: memory_copy, memory_fill, memory_init;
        MinusOne atomic: memory_atomic_notify, memory_atomic_wait32, memory_atomic_wait64;
        MinusOne table: table_get_func, table_get_ref;
        Zero table: table_set_func, table_set_ref, table_fill_func, table_fill_ref, table_copy, table_init;
        Never table: table_grow_func, table_grow_ref, elem_drop;
        Never reference: ref_func, global_set_ref, global_set_func;
        MinusOne reference: global_get_ref;
        MinusOne aggregate: gc_new_struct, gc_new_array, array_new_data, array_new_elem, func_to_heap;
        Zero aggregate: array_fill, array_copy, array_init_data, array_init_elem;
        MinusOne exception: exception_new;
    }
}

struct Table([*const u8; Builtin::ALL.len()]);

// SAFETY: addresses of functions, never written.
unsafe impl Sync for Table {}

macro_rules! table_of {
    ($($name:ident),*) => { Table([$(entries::$name as *const u8),*]) };
}

static TABLE: Table = chalcid_module::for_each_builtin!(table_of);

/// The array of entry points that contexts name.
pub(crate) fn table() -> *const *const u8 {
    TABLE.0.as_ptr()
}

/// Runs a builtin for the instance of a context; on failure leaves it pending and returns `failed`. The builtin is given no references.
///
/// # Safety
/// `vmctx` is the context of an instance whose code is running.
unsafe fn run<R>(
    vmctx: *const VMContext,
    failed: R,
    work: impl FnOnce(&Agent, &Strong<Instance>) -> Result<R, Failure>,
) -> R {
    // SAFETY: the context's instance is running: whoever called it keeps it until then.
    unsafe {
        run_with(vmctx, failed, &[], |agent, instance| {
            agent.inner().heap.stress(agent);
            work(agent, instance)
        })
    }
}

/// As [`run`], for a builtin that is given references: keeps them meanwhile, since nothing else need do so.
///
/// # Safety
/// As for `run`.
unsafe fn run_with<R>(
    vmctx: *const VMContext,
    failed: R,
    references: &[u32],
    work: impl FnOnce(&Agent, &Strong<Instance>) -> Result<R, Failure>,
) -> R {
    // SAFETY: as in `run`.
    let instance = unsafe { Instance::of_context(vmctx) };
    let agent = instance.agent();
    let _scope = agent.scope();
    for reference in references {
        agent.inner().heap.root(*reference);
    }
    let pending = match catch_unwind(AssertUnwindSafe(|| work(agent, &instance))) {
        Ok(Ok(result)) => return result,
        Ok(Err(failure)) => Pending::Failure(failure),
        Err(payload) => Pending::Panic(payload),
    };
    agent.set_pending(pending);
    failed
}

/// What an index that validation has checked names; a failure where it names nothing all the same.
fn known<T>(found: Option<T>) -> Result<T, Failure> {
    found.ok_or_else(|| Misuse::Finalised.into())
}

/// Turns an error into a trap.
fn trap_if<T, E>(agent: &Agent, result: Result<T, E>, code: TrapCode) -> Result<T, Failure> {
    result.map_err(|_| agent.trap(code))
}

/// Bytes or elements that a bulk operation handles before it looks whether it should stop.
const CHUNK: u64 = 1 << 20;

/// Runs a bulk operation in chunks, looking for interruptions in between. `work` gets the offset and length of each, in ascending order, or
/// descending where the ranges of a copy ask for it.
fn in_chunks(
    agent: &Agent,
    len: u64,
    descending: bool,
    mut work: impl FnMut(u64, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut done = 0;
    while done < len {
        let chunk = (len - done).min(CHUNK);
        let offset = if descending { len - done - chunk } else { done };
        work(offset, chunk)?;
        done += chunk;
        if done < len {
            agent.check_interrupt()?;
        }
    }
    Ok(())
}
