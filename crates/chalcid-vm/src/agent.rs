//! An agent: the single thread that a family of instances belongs to, and everything they share.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use chalcid_module::registry::TypeRegistry;

use crate::arch::Resume;
use crate::entity::{AnyStrong, Header};
use crate::failure::{Backtrace, Failure, Pending};
use crate::func::FuncRanges;
use crate::heap::{DEFAULT_HEAP_LIMIT, Heap, no_functions};
use crate::host::{HostHooks, PlainHost};
use crate::lifetimes::{Deferred, EntityList, HostCollection};
use crate::sys::stack::StackBounds;
use crate::tag::TagInst;
use crate::traps;
use crate::traps::enter::CurrentCell;
use crate::traps::ticks::Ticks;
use crate::vmcontext::VMAgent;
use crate::waiting::Parking;

/// What an agent is made with.
#[derive(Clone, Copy, Debug)]
pub struct AgentSettings {
    /// Whether faults in machine code become traps: installs signal handlers for the process and a signal stack for the thread.
    pub signals: bool,
    /// Bytes of the thread's stack that wasm leaves to the host.
    pub stack_reserve: usize,
    /// Bytes that objects of the heap may take.
    pub heap_limit: u64,
    /// Whether the heap is collected at every chance, and what is freed made unusable: for finding faults.
    pub heap_stress: bool,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self { signals: true, stack_reserve: DEFAULT_STACK_RESERVE, heap_limit: DEFAULT_HEAP_LIMIT, heap_stress: false }
    }
}

/// Decides at a safepoint whether interrupted code goes on.
pub type InterruptHandler = Rc<dyn Fn(&Agent) -> Result<(), Failure>>;

/// A handle to an agent.
#[derive(Clone)]
pub struct Agent(Rc<AgentInner>);

/// The part of an agent that machine code and other threads reach.
pub(crate) struct AgentBlock(VMAgent, Parking, Ticks);

// SAFETY: other threads have it through `InterruptHandle` and the ticker alone, which touch the atomic fields, the parking and the ticks only.
unsafe impl Send for AgentBlock {}
// SAFETY: as above.
unsafe impl Sync for AgentBlock {}

pub(crate) struct AgentInner {
    block: Arc<AgentBlock>,
    hooks: Box<dyn HostHooks>,
    plain: bool,
    types: TypeRegistry,
    data: OnceCell<Box<dyn Any>>,
    pending: Cell<Option<Pending>>,
    /// Where an exception goes on.
    pub(crate) landing: Cell<Resume>,
    /// The tag of values that the host throws, as long as it is alive.
    pub(crate) host_tag: Cell<Option<NonNull<TagInst>>>,
    /// Number of open scopes and activations.
    depth: Cell<usize>,
    /// Where the thread keeps its current agent.
    pub(crate) current: CurrentCell,
    /// Handles that frames on the stack may rely on; released when the outermost scope closes.
    pub(crate) deferred: Deferred,
    graveyard: RefCell<Vec<NonNull<Header>>>,
    burying: Cell<bool>,
    pub(crate) heap: Heap,
    pub(crate) entities: EntityList,
    pub(crate) host_collection: HostCollection,
    pub(crate) func_ranges: FuncRanges,
    /// Bytes of the agent's memories, and what each costs besides.
    footprint: Cell<usize>,
    interrupt_handler: RefCell<Option<InterruptHandler>>,
    signals: bool,
    stack: StackBounds,
}

/// Keeps what frames of wasm may rely on until it is dropped; scopes nest.
///
/// References made for wasm ([`Agent::func_to_raw`], [`Agent::extern_to_raw`]) and references that came back as results stay valid while a
/// scope that was open at the time is.
pub struct Scope<'a> {
    agent: &'a Agent,
    roots: usize,
}

/// Makes running code stop at its next safepoint, from any thread.
#[derive(Clone)]
pub struct InterruptHandle(Arc<AgentBlock>);

impl InterruptHandle {
    /// Asks the agent's code to call its interrupt handler at the next safepoint. A wait on a shared memory is one. Takes a lock: not
    /// for signal handlers.
    pub fn interrupt(&self) {
        self.0.request(INTERRUPTED);
    }
}

/// Bit of the interrupt word: the embedder asked.
const INTERRUPTED: u32 = 1;
/// Bit of the interrupt word: a tick, which the host is asked about.
const TICKED: u32 = 2;

impl AgentBlock {
    fn request(&self, bit: u32) {
        self.0.interrupt.fetch_or(bit, Ordering::Release);
        self.1.rouse();
    }

    /// Has the host asked at the next safepoint, where there is one.
    pub(crate) fn tick(&self) {
        self.request(TICKED);
    }

    /// Whether the agent's thread is in wasm, or in what wasm called.
    pub(crate) fn is_in_wasm(&self) -> bool {
        !self.0.activation.load(Ordering::Relaxed).is_null()
    }

    pub(crate) fn ticks(&self) -> &Ticks {
        &self.2
    }
}

impl AgentInner {
    pub(crate) fn block(&self) -> &AgentBlock {
        &self.block
    }

    pub(crate) fn hooks(&self) -> &dyn HostHooks {
        &*self.hooks
    }
}

impl Agent {
    /// An agent of plain Rust, for the current thread.
    pub fn plain(types: TypeRegistry, settings: AgentSettings) -> Self {
        Self::build(types, settings, Box::new(PlainHost), true)
    }

    /// An agent whose values and objects are a host's, for the current thread.
    pub fn with_hooks(types: TypeRegistry, settings: AgentSettings, hooks: Box<dyn HostHooks>) -> Self {
        Self::build(types, settings, hooks, false)
    }

    fn build(types: TypeRegistry, settings: AgentSettings, hooks: Box<dyn HostHooks>, plain: bool) -> Self {
        let stack = StackBounds::of_this_thread();
        let vm = VMAgent {
            stack_limit: AtomicUsize::new(stack.limit(settings.stack_reserve)),
            interrupt: AtomicU32::new(0),
            last_exit_fp: Cell::new(0),
            last_exit_pc: Cell::new(0),
            heap_base: Cell::new(std::ptr::null_mut()),
            alloc_cursor: Cell::new(0),
            alloc_limit: Cell::new(0),
            type_infos: Cell::new(std::ptr::null()),
            heap_funcs: Cell::new(no_functions()),
            heap_funcs_len: Cell::new(0),
            activation: AtomicPtr::new(std::ptr::null_mut()),
            owner: Cell::new(std::ptr::null()),
        };
        let block = Arc::new(AgentBlock(vm, Parking::default(), Ticks::default()));
        let inner = Rc::new(AgentInner {
            block,
            hooks,
            plain,
            types,
            data: OnceCell::new(),
            pending: Cell::new(None),
            landing: Cell::new(Resume::empty()),
            host_tag: Cell::new(None),
            depth: Cell::new(0),
            current: CurrentCell::of_this_thread(),
            deferred: Deferred::default(),
            graveyard: RefCell::new(Vec::new()),
            burying: Cell::new(false),
            heap: Heap::new(settings.heap_limit, settings.heap_stress),
            entities: EntityList::default(),
            host_collection: HostCollection::default(),
            func_ranges: FuncRanges::default(),
            footprint: Cell::new(0),
            interrupt_handler: RefCell::new(None),
            signals: settings.signals,
            stack,
        });
        inner.block.0.owner.set(Rc::as_ptr(&inner).cast::<c_void>());
        if settings.signals {
            traps::prepare_thread();
        }
        Self(inner)
    }

    /// Whether the agent has no JavaScript host.
    pub fn is_plain(&self) -> bool {
        self.0.plain
    }

    /// Whether both are handles to the same agent.
    pub fn same(&self, other: &Agent) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Hangs the embedder's own data on the agent, once; gives it back when there is some already.
    pub fn set_data(&self, data: Box<dyn Any>) -> Result<(), Box<dyn Any>> {
        self.0.data.set(data)
    }

    /// The embedder's own data.
    pub fn data(&self) -> Option<&dyn Any> {
        self.0.data.get().map(|data| &**data)
    }

    /// The engine's type registry.
    pub fn types(&self) -> &TypeRegistry {
        &self.0.types
    }

    /// Opens a scope.
    #[inline]
    pub fn scope(&self) -> Scope<'_> {
        Scope { agent: self, roots: self.open_scope() }
    }

    /// Opens a scope that is closed by what this returns, where nothing unwinds in between.
    #[inline(always)]
    pub(crate) fn open_scope(&self) -> usize {
        self.0.depth.set(self.0.depth.get() + 1);
        self.0.heap.scoped()
    }

    /// Sets how many bytes of the thread's stack wasm leaves to the host (a libcall, a trap, a host function).
    pub fn set_stack_reserve(&self, bytes: usize) {
        self.vm().stack_limit.store(self.0.stack.limit(bytes), Ordering::Relaxed);
    }

    /// Sets the lowest address of the stack that wasm may use, for code that runs on a stack of its own; returns the one before.
    pub fn set_stack_limit(&self, address: usize) -> usize {
        self.vm().stack_limit.swap(address, Ordering::Relaxed)
    }

    /// A handle by which other threads interrupt this agent.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(Arc::clone(&self.0.block))
    }

    /// Sets what an interruption does. Without a handler it is a trap.
    pub fn set_interrupt_handler(&self, handler: Option<InterruptHandler>) {
        let before = self.0.interrupt_handler.replace(handler);
        drop(before);
    }

    /// The wasm frames that are on the stack now, at most `limit` of them.
    pub fn backtrace(&self, limit: usize) -> Backtrace {
        traps::backtrace::capture(self, None, limit)
    }

    /// Addresses on the native stack between the frames of each call into wasm that is under way and those around it, innermost first: what
    /// a host needs that puts [`Agent::backtrace`] between frames of its own.
    pub fn activations(&self) -> Vec<usize> {
        traps::backtrace::activations(self)
    }

    /// Number of entities that are alive.
    pub fn entities(&self) -> usize {
        self.0.entities.len()
    }

    /// Bytes that the agent's memories hold, with what each takes of scarce things (address space, mappings). For hosts whose
    /// collector cannot see them.
    pub fn footprint(&self) -> usize {
        self.0.footprint.get()
    }

    /// Adds to the footprint.
    pub(crate) fn charge(&self, bytes: usize) {
        self.0.footprint.set(self.0.footprint.get().saturating_add(bytes));
    }

    /// Takes from the footprint what was added before.
    pub(crate) fn refund(&self, bytes: usize) {
        self.0.footprint.set(self.0.footprint.get().saturating_sub(bytes));
    }

    /// Clears entities that only reach each other, where no host collector looks after them; returns how many.
    pub fn collect_cycles(&self) -> usize {
        crate::lifetimes::collect_cycles(self)
    }

    #[inline]
    pub(crate) fn inner(&self) -> &AgentInner {
        &self.0
    }

    pub(crate) fn hooks(&self) -> &dyn HostHooks {
        &*self.0.hooks
    }

    #[inline]
    pub(crate) fn vm(&self) -> &VMAgent {
        &self.0.block.0
    }

    pub(crate) fn block(&self) -> &Arc<AgentBlock> {
        &self.0.block
    }

    pub(crate) fn uses_signals(&self) -> bool {
        self.0.signals
    }

    pub(crate) fn parking(&self) -> &Parking {
        &self.0.block.1
    }

    pub(crate) fn vm_ptr(&self) -> *mut VMAgent {
        std::ptr::from_ref(self.vm()).cast_mut()
    }

    /// The agent of the block that machine code names.
    ///
    /// # Safety
    /// `vm` is the block of a living agent.
    pub(crate) unsafe fn from_block(vm: *const VMAgent) -> Self {
        // SAFETY: `owner` was set to the `AgentInner` that owns the block when both were made; the new handle is one more count of it.
        unsafe {
            let inner = (*vm).owner.get().cast::<AgentInner>();
            Rc::increment_strong_count(inner);
            Self(Rc::from_raw(inner))
        }
    }

    pub(crate) fn set_pending(&self, pending: Pending) {
        self.0.pending.set(Some(pending));
    }

    pub(crate) fn take_pending(&self) -> Option<Pending> {
        self.0.pending.take()
    }

    /// Keeps a handle until the outermost scope closes.
    pub(crate) fn defer(&self, handle: AnyStrong) {
        if self.has_scope() {
            self.0.deferred.push(handle);
        }
    }

    pub(crate) fn has_scope(&self) -> bool {
        self.0.depth.get() > 0
    }

    pub(crate) fn interrupt(&self) -> Result<(), Failure> {
        let asked = self.vm().interrupt.swap(0, Ordering::Relaxed);
        if asked & TICKED != 0 && self.hooks().stop() == Some(true) {
            return Err(self.trap(chalcid_module::trap_code::TrapCode::Interrupted));
        }
        if asked & INTERRUPTED == 0 {
            return Ok(());
        }
        let handler = self.0.interrupt_handler.borrow().clone();
        match handler {
            // What stops the code is nobody's to catch.
            Some(handler) => handler(self).map_err(|failure| match failure {
                Failure::Value(value) => Failure::Uncatchable(value),
                failure => failure,
            }),
            None => Err(self.trap(chalcid_module::trap_code::TrapCode::Interrupted)),
        }
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.vm().interrupt.load(Ordering::Relaxed) != 0
    }

    /// A safepoint of the running side.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        if self.is_interrupted() { self.interrupt() } else { Ok(()) }
    }

    pub(crate) fn link(&self, header: NonNull<Header>) {
        self.0.entities.link(header);
    }

    pub(crate) fn unlink(&self, header: NonNull<Header>) {
        self.0.entities.unlink(header);
    }

    /// Clears an entity, and whatever that drops the last handle of, in a loop.
    pub(crate) fn bury(self, header: NonNull<Header>) {
        self.0.graveyard.borrow_mut().push(header);
        if self.0.burying.replace(true) {
            return;
        }
        loop {
            let Some(next) = self.0.graveyard.borrow_mut().pop() else { break };
            Header::finish(next);
        }
        self.0.burying.set(false);
    }

    #[inline(always)]
    pub(crate) fn close_scope(&self, roots: usize) {
        self.0.heap.truncate_scoped(roots);
        let depth = self.0.depth.get() - 1;
        if depth == 0 && (!self.0.deferred.is_empty() || !self.0.heap.is_settled()) {
            self.close_outermost_scope();
        } else {
            self.0.depth.set(depth);
        }
    }

    #[cold]
    fn close_outermost_scope(&self) {
        self.settle();
        self.0.depth.set(0);
        if self.0.heap.take_cycles_due() {
            self.collect_cycles();
        }
    }

    /// Releases what only frames could rely on, now that the last of them is gone.
    fn settle(&self) {
        self.0.heap.settle(self);
        self.0.deferred.release();
    }
}

/// Stack that is left to the host by default.
pub const DEFAULT_STACK_RESERVE: usize = 256 * 1024;

impl Drop for AgentInner {
    fn drop(&mut self) {
        Agent::unwatch(&self.block);
        for value in self.heap.take_values() {
            // SAFETY: the heap owned the value.
            unsafe { self.hooks.drop_value(value) }
        }
    }
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        self.agent.close_scope(self.roots);
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Agent@{:p}", Rc::as_ptr(&self.0))
    }
}
