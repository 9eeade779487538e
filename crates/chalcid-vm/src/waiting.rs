//! Threads that wait at an address of a shared memory, until another notifies them.
//!
//! The process has one table of queues, by address, in parts that are locked apart. A waiter compares and joins its queue under the
//! lock that a notifier takes, so that no notification is lost between the two. Whoever waits is also on its agent's [`Parking`]:
//! there an interruption finds it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chalcid_module::trap_code::TrapCode;

use crate::agent::Agent;
use crate::entity::Strong;
use crate::failure::Failure;
use crate::memory::{MemInst, SharedMemory};

/// How a wait ended; the numbers are what `memory.atomic.wait32` and `wait64` give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum WaitOutcome {
    /// Another thread notified.
    Woken = 0,
    /// The value was not the expected one.
    NotEqual = 1,
    /// The time was up.
    TimedOut = 2,
}

/// One thread that waits.
struct Waiter {
    place: usize,
    woken: AtomicBool,
    wake: Condvar,
}

/// Threads that wait, by the address they wait at, first come first.
type Queues = BTreeMap<usize, VecDeque<Arc<Waiter>>>;

/// The table has this many parts, so that programs which notify often do not all meet at one lock.
const PARTS: usize = 64;

static WAITING: [Mutex<Queues>; PARTS] = [const { Mutex::new(BTreeMap::new()) }; PARTS];

fn queues_of(place: usize) -> MutexGuard<'static, Queues> {
    // The lowest bits are zero: places are aligned. Neighbours belong to different parts.
    WAITING[(place >> 2) % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// What other threads must know of an agent to end its wait, and whether it may wait at all.
#[derive(Default)]
pub(crate) struct Parking {
    forbidden: AtomicBool,
    waiter: Mutex<Option<Arc<Waiter>>>,
}

impl Parking {
    /// Makes a waiting agent look whether it was interrupted.
    pub(crate) fn rouse(&self) {
        let waiter = self.waiter();
        if let Some(waiter) = &*waiter {
            // With the lock: the waiter either looks after this, or sleeps already and is woken.
            let _queues = queues_of(waiter.place);
            waiter.wake.notify_one();
        }
    }

    fn waiter(&self) -> MutexGuard<'_, Option<Arc<Waiter>>> {
        self.waiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    /// Sets whether the agent's thread may wait (it may, by default). Where it may not, `memory.atomic.wait32` and `wait64` trap.
    pub fn set_can_block(&self, can_block: bool) {
        self.parking().forbidden.store(!can_block, Ordering::Relaxed);
    }

    /// Whether the agent's thread may wait.
    pub fn can_block(&self) -> bool {
        !self.parking().forbidden.load(Ordering::Relaxed)
    }
}

impl Strong<MemInst> {
    /// Wakes at most `count` of the threads that wait at an address; returns how many. Nobody waits at a memory that is not shared.
    ///
    /// Fails where the address is outside the memory or not a multiple of four.
    pub fn notify(&self, address: u64, count: u32) -> Result<u32, Failure> {
        Ok(notify(self.atomic_place(address, 4)?, count))
    }

    /// Waits at an address while no thread notifies it, if the four bytes there are as expected. `timeout` is in nanoseconds, a
    /// negative one never ends.
    ///
    /// Fails where the address is outside the memory or not aligned, the memory is not shared, the agent may not wait, or was interrupted.
    pub fn wait32(&self, address: u64, expected: u32, timeout: i64) -> Result<WaitOutcome, Failure> {
        let place = self.waiting_place(address, 4)?;
        // SAFETY: the place is aligned and within the memory, which neither shrinks nor moves and stays mapped while `self` is there.
        unsafe { wait32(self.agent(), place, expected, timeout) }
    }

    /// The same for eight bytes.
    pub fn wait64(&self, address: u64, expected: u64, timeout: i64) -> Result<WaitOutcome, Failure> {
        let place = self.waiting_place(address, 8)?;
        // SAFETY: as above.
        unsafe { wait64(self.agent(), place, expected, timeout) }
    }

    fn waiting_place(&self, address: u64, size: u64) -> Result<*mut u8, Failure> {
        let place = self.atomic_place(address, size)?;
        if !self.ty().shared {
            return Err(self.agent().trap(TrapCode::ExpectedSharedMemory));
        }
        may_wait(self.agent())?;
        Ok(place)
    }

    fn atomic_place(&self, address: u64, size: u64) -> Result<*mut u8, Failure> {
        is_aligned(self.agent(), address, size)?;
        self.range(address, size).map_err(|_| self.agent().trap(TrapCode::MemoryOutOfBounds))
    }
}

/// What the memory's instances do, for an agent that need not have one.
impl SharedMemory {
    /// Wakes at most `count` of the threads that wait at an address; returns how many.
    ///
    /// Fails as [`Strong<MemInst>::notify`] does.
    pub fn notify(&self, agent: &Agent, address: u64, count: u32) -> Result<u32, Failure> {
        Ok(notify(self.atomic_place(agent, address, 4)?, count))
    }

    /// Lets an agent's thread wait at an address while no thread notifies it, if the four bytes there are as expected.
    ///
    /// Fails as [`Strong<MemInst>::wait32`] does, and takes time as that does.
    pub fn wait32(&self, agent: &Agent, address: u64, expected: u32, timeout: i64) -> Result<WaitOutcome, Failure> {
        let place = self.waiting_place(agent, address, 4)?;
        // SAFETY: the place is aligned and within the memory, which neither shrinks nor moves and stays mapped while `self` is there.
        unsafe { wait32(agent, place, expected, timeout) }
    }

    /// The same for eight bytes.
    pub fn wait64(&self, agent: &Agent, address: u64, expected: u64, timeout: i64) -> Result<WaitOutcome, Failure> {
        let place = self.waiting_place(agent, address, 8)?;
        // SAFETY: as above.
        unsafe { wait64(agent, place, expected, timeout) }
    }

    fn waiting_place(&self, agent: &Agent, address: u64, size: u64) -> Result<*mut u8, Failure> {
        let place = self.atomic_place(agent, address, size)?;
        may_wait(agent)?;
        Ok(place)
    }

    fn atomic_place(&self, agent: &Agent, address: u64, size: u64) -> Result<*mut u8, Failure> {
        is_aligned(agent, address, size)?;
        self.range(address, size).map_err(|_| agent.trap(TrapCode::MemoryOutOfBounds))
    }
}

fn is_aligned(agent: &Agent, address: u64, size: u64) -> Result<(), Failure> {
    if address.is_multiple_of(size) { Ok(()) } else { Err(agent.trap(TrapCode::UnalignedAtomic)) }
}

fn may_wait(agent: &Agent) -> Result<(), Failure> {
    if agent.can_block() { Ok(()) } else { Err(agent.trap(TrapCode::WaitForbidden)) }
}

/// Wakes at most `count` of the threads that wait at a place.
fn notify(place: *mut u8, count: u32) -> u32 {
    let place = place as usize;
    let mut queues = queues_of(place);
    let Some(queue) = queues.get_mut(&place) else { return 0 };
    let mut woken = 0;
    while woken < count {
        let Some(waiter) = queue.pop_front() else { break };
        waiter.woken.store(true, Ordering::Relaxed);
        waiter.wake.notify_one();
        woken += 1;
    }
    if queue.is_empty() {
        queues.remove(&place);
    }
    woken
}

/// Waits at a place if the four bytes there are as expected.
///
/// # Safety
/// The place is aligned, and can be read until this returns.
unsafe fn wait32(agent: &Agent, place: *mut u8, expected: u32, timeout: i64) -> Result<WaitOutcome, Failure> {
    let place = place.cast::<AtomicU32>();
    // SAFETY: the caller's promise.
    wait(agent, place as usize, timeout, || unsafe { (*place).load(Ordering::SeqCst) } == expected)
}

/// Waits at a place if the eight bytes there are as expected.
///
/// # Safety
/// As for [`wait32`].
unsafe fn wait64(agent: &Agent, place: *mut u8, expected: u64, timeout: i64) -> Result<WaitOutcome, Failure> {
    let place = place.cast::<AtomicU64>();
    // SAFETY: the caller's promise.
    wait(agent, place as usize, timeout, || unsafe { (*place).load(Ordering::SeqCst) } == expected)
}

/// Waits at a place; `timeout` in nanoseconds, negative for none.
fn wait(agent: &Agent, place: usize, timeout: i64, is_expected: impl Fn() -> bool) -> Result<WaitOutcome, Failure> {
    let deadline = u64::try_from(timeout)
        .ok()
        .and_then(|nanoseconds| Instant::now().checked_add(Duration::from_nanos(nanoseconds)));
    let waiter = Arc::new(Waiter { place, woken: AtomicBool::new(false), wake: Condvar::new() });
    // From here on an interruption finds the waiter; one that came before is seen below.
    let outside = agent.parking().waiter().replace(Arc::clone(&waiter));
    let outcome = wait_in_queue(agent, &waiter, deadline, is_expected);
    // A handler that ran meanwhile may have waited too, inside this wait.
    *agent.parking().waiter() = outside;
    outcome
}

fn wait_in_queue(
    agent: &Agent,
    waiter: &Arc<Waiter>,
    deadline: Option<Instant>,
    is_expected: impl Fn() -> bool,
) -> Result<WaitOutcome, Failure> {
    let mut queues = queues_of(waiter.place);
    if !is_expected() {
        return Ok(WaitOutcome::NotEqual);
    }
    queues.entry(waiter.place).or_default().push_back(Arc::clone(waiter));
    let outcome = loop {
        if waiter.woken.load(Ordering::Relaxed) {
            return Ok(WaitOutcome::Woken);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            break Ok(WaitOutcome::TimedOut);
        }
        if agent.is_interrupted() {
            // The embedder's handler runs without the lock; the place in the queue is kept.
            drop(queues);
            let decision = agent.interrupt();
            queues = queues_of(waiter.place);
            match decision {
                Ok(()) => continue,
                Err(failure) => break Err(failure),
            }
        }
        queues = match left {
            Some(left) => waiter.wake.wait_timeout(queues, left).unwrap_or_else(PoisonError::into_inner).0,
            None => waiter.wake.wait(queues).unwrap_or_else(PoisonError::into_inner),
        };
    };
    if let Some(queue) = queues.get_mut(&waiter.place) {
        queue.retain(|other| !Arc::ptr_eq(other, waiter));
        if queue.is_empty() {
            queues.remove(&waiter.place);
        }
    }
    outcome
}
