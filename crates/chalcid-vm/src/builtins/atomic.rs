//! `memory.atomic.wait` and `notify`: a table of waiting threads for the whole process, by the address they wait at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chalcid_module::index::MemIdx;
use chalcid_module::trap_code::TrapCode;

use super::{known, run, trap_if};
use crate::agent::Agent;
use crate::entity::Strong;
use crate::failure::Failure;
use crate::memory::MemInst;
use crate::vmcontext::VMContext;

const WOKEN: u64 = 0;
const NOT_EQUAL: u64 = 1;
const TIMED_OUT: u64 = 2;

/// A waiting thread looks for interruptions this often.
const SLICE: Duration = Duration::from_millis(5);

struct Waiter {
    woken: AtomicBool,
    wake: Condvar,
}

static WAITERS: Mutex<BTreeMap<usize, VecDeque<Arc<Waiter>>>> = Mutex::new(BTreeMap::new());

/// `memory.atomic.notify`
pub(super) unsafe extern "C" fn memory_atomic_notify(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    count: u32,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            let place = check(agent, &memory, address, 4)?;
            Ok(u64::from(notify(place as usize, count)))
        })
    }
}

/// `memory.atomic.wait32`
pub(super) unsafe extern "C" fn memory_atomic_wait32(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    expected: u32,
    timeout: i64,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            let place = check(agent, &memory, address, 4)?.cast::<AtomicU32>();
            expect_shared(agent, &memory)?;
            // The place is aligned and within the memory, whose bytes stay mapped while the handle is there.
            wait(agent, place as usize, timeout, || (*place).load(Ordering::SeqCst) == expected)
        })
    }
}

/// `memory.atomic.wait64`
pub(super) unsafe extern "C" fn memory_atomic_wait64(
    vmctx: *const VMContext,
    memory: u32,
    address: u64,
    expected: u64,
    timeout: i64,
) -> u64 {
    // SAFETY: called by compiled code with its own context.
    unsafe {
        run(vmctx, u64::MAX, |agent, instance| {
            let memory = known(instance.running_memory(MemIdx(memory)))?;
            let place = check(agent, &memory, address, 8)?.cast::<AtomicU64>();
            expect_shared(agent, &memory)?;
            wait(agent, place as usize, timeout, || (*place).load(Ordering::SeqCst) == expected)
        })
    }
}

fn check(agent: &Agent, memory: &Strong<MemInst>, address: u64, size: u64) -> Result<*mut u8, Failure> {
    if !address.is_multiple_of(size) {
        return Err(agent.trap(TrapCode::UnalignedAtomic));
    }
    trap_if(agent, memory.range(address, size), TrapCode::MemoryOutOfBounds)
}

fn expect_shared(agent: &Agent, memory: &Strong<MemInst>) -> Result<(), Failure> {
    if memory.ty().shared { Ok(()) } else { Err(agent.trap(TrapCode::ExpectedSharedMemory)) }
}

fn notify(place: usize, count: u32) -> u32 {
    let mut table = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(queue) = table.get_mut(&place) else { return 0 };
    let mut woken = 0;
    while woken < count {
        let Some(waiter) = queue.pop_front() else { break };
        waiter.woken.store(true, Ordering::Relaxed);
        waiter.wake.notify_one();
        woken += 1;
    }
    if queue.is_empty() {
        table.remove(&place);
    }
    woken
}

/// Waits at a place while no one notifies it; `timeout` in nanoseconds, negative for none.
fn wait(agent: &Agent, place: usize, timeout: i64, is_expected: impl Fn() -> bool) -> Result<u64, Failure> {
    let deadline = u64::try_from(timeout)
        .ok()
        .and_then(|nanoseconds| Instant::now().checked_add(Duration::from_nanos(nanoseconds)));
    let waiter = Arc::new(Waiter { woken: AtomicBool::new(false), wake: Condvar::new() });
    let mut table = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
    // Compared under the lock that notifying takes: no wake-up is lost in between.
    if !is_expected() {
        return Ok(NOT_EQUAL);
    }
    table.entry(place).or_default().push_back(Arc::clone(&waiter));
    let outcome = loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if waiter.woken.load(Ordering::Relaxed) {
            return Ok(WOKEN);
        }
        if left.is_some_and(|left| left.is_zero()) {
            break Ok(TIMED_OUT);
        }
        if agent.is_interrupted() {
            // The embedder's handler runs without the lock; the place in the queue is kept.
            drop(table);
            let decision = agent.interrupt();
            table = WAITERS.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(failure) = decision {
                break Err(failure);
            }
            continue;
        }
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        (table, _) = waiter.wake.wait_timeout(table, slice).unwrap_or_else(PoisonError::into_inner);
    };
    if let Some(queue) = table.get_mut(&place) {
        queue.retain(|other| !Arc::ptr_eq(other, &waiter));
        if queue.is_empty() {
            table.remove(&place);
        }
    }
    outcome
}
