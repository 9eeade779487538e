//! Agents: the threads of JavaScript, or of plain Rust, that instances belong to.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use chalcid_vm::AgentSettings;

use crate::host::HostHooks;
use crate::{Engine, Error, Frame, Func, HostValue, InterruptHandle, ResourceError, ValRaw};

/// One thread's family of instances, and of everything they share. Cloning gives another handle to the same agent.
///
/// An agent and all its handles stay on the thread that made it. Whatever it owns lives as long as something can reach it: the
/// agent itself keeps nothing alive.
#[derive(Clone)]
pub struct Agent(chalcid_vm::Agent);

/// What hangs on the agent below.
struct AgentData {
    engine: Engine,
}

/// References made for wasm, or that came back from it, stay valid while this lives; see [`Agent::scope`].
pub struct Scope<'a>(#[expect(dead_code, reason = "closed when dropped")] chalcid_vm::Scope<'a>);

impl Agent {
    /// An agent of plain Rust: values of the host are `Rc<dyn Any>`s, and the agent itself finds cycles.
    pub fn new(engine: &Engine) -> Self {
        Self::prepared(chalcid_vm::Agent::plain(engine.types().clone(), settings(engine)), engine)
    }

    /// An agent of a host with counted objects and values of its own, for example a JavaScript runtime.
    pub fn with_hooks(engine: &Engine, hooks: Box<dyn HostHooks>) -> Self {
        Self::prepared(chalcid_vm::Agent::with_hooks(engine.types().clone(), settings(engine), hooks), engine)
    }

    fn prepared(agent: chalcid_vm::Agent, engine: &Engine) -> Self {
        let unset = agent.set_data(Box::new(AgentData { engine: engine.clone() }));
        debug_assert!(unset.is_ok(), "a new agent has no data");
        Self(agent)
    }

    pub(crate) fn from_raw(agent: &chalcid_vm::Agent) -> Self {
        Self(agent.clone())
    }

    /// The running side's handle, which the functions of [`host`](crate::host) take.
    pub fn raw(&self) -> &chalcid_vm::Agent {
        &self.0
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        match self.0.data().and_then(|data| data.downcast_ref::<AgentData>()) {
            Some(data) => &data.engine,
            // Agents come out of `prepared` alone.
            None => unreachable!("an agent without an engine"),
        }
    }

    /// Keeps references valid: those made by [`Agent::func_to_raw`] and [`Agent::extern_to_raw`], and those that calls return,
    /// while the scope lives. Scopes nest. A host function runs in a scope already.
    pub fn scope(&self) -> Scope<'_> {
        Scope(self.0.scope())
    }

    /// A function reference as bits for [`Func::call_raw`]; valid while a scope is open that was when it was made.
    pub fn func_to_raw(&self, func: Option<&Func>) -> ValRaw {
        self.0.func_to_raw(func.map(Func::inst))
    }

    /// The function that bits from wasm mean; `None` for null and for what is no function of this agent.
    pub fn func_from_raw(&self, raw: ValRaw) -> Option<Func> {
        Func::from_inst(self.0.func_from_raw(raw)?)
    }

    /// A host reference as bits for [`Func::call_raw`]; valid while a scope is open that was when it was made.
    ///
    /// Fails when wasm holds more references than there is room for.
    pub fn extern_to_raw(&self, value: Option<HostValue>) -> Result<ValRaw, Error> {
        self.0.extern_to_raw(value).map_err(|error| ResourceError::new(error.to_string()).into())
    }

    /// The value of the host that bits from wasm mean; `None` for null and for what is no reference of this agent.
    pub fn extern_from_raw(&self, raw: ValRaw) -> Option<HostValue> {
        self.0.extern_from_raw(raw)
    }

    /// A reference of a hierarchy other than the functions' as bits for [`Func::call_raw`].
    pub(crate) fn heap_to_raw(&self, value: &chalcid_vm::RefValue) -> Result<ValRaw, Error> {
        self.0.ref_to_raw(value).map_err(|error| ResourceError::new(error.to_string()).into())
    }

    /// Frees what wasm cannot reach any more: structures, arrays, exceptions, and the values of the host that they and wasm's code held. It
    /// runs by itself when there is need.
    pub fn collect_garbage(&self) {
        self.0.collect_garbage();
    }

    /// Bytes that structures, arrays and exceptions take, those included that wait for the collector.
    pub fn heap_size(&self) -> u64 {
        self.0.heap_size()
    }

    /// A value of Rust as a value of the host; `None` where a host with values of its own is.
    /// [`HostValue::to_rc`] gives it back.
    pub fn host_value(&self, value: Rc<dyn Any>) -> Option<HostValue> {
        HostValue::from_rc(&self.0, value)
    }

    /// The wasm frames that are on the stack now, innermost first.
    pub fn backtrace(&self) -> Vec<Frame> {
        Frame::all(&self.0.backtrace(chalcid_vm::TRAP_FRAMES))
    }

    /// Sets how many bytes of the thread's stack wasm leaves to the host. Wasm that would use more traps with "call stack
    /// exhausted".
    pub fn set_stack_reserve(&self, bytes: usize) {
        self.0.set_stack_reserve(bytes);
    }

    /// A handle by which other threads interrupt this agent's code. The engine must be [interruptible](crate::Config::interruptible).
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.0.interrupt_handle()
    }

    /// Sets whether the agent's thread may wait (it may, by default). Where it may not, as on the main thread of a browser,
    /// `memory.atomic.wait32` and `wait64` trap.
    pub fn set_can_block(&self, can_block: bool) {
        self.0.set_can_block(can_block);
    }

    /// Whether the agent's thread may wait.
    pub fn can_block(&self) -> bool {
        self.0.can_block()
    }

    /// Sets what an interruption does: an error ends the running code. Without a handler it is a trap.
    pub fn set_interrupt_handler(&self, handler: Option<impl Fn(&Agent) -> Result<(), Error> + 'static>) {
        self.0.set_interrupt_handler(handler.map(|handler| {
            let handler: chalcid_vm::InterruptHandler = Rc::new(move |agent: &chalcid_vm::Agent| {
                let agent = Agent::from_raw(agent);
                handler(&agent).map_err(|error| error.into_failure(&agent))
            });
            handler
        }));
    }

    /// Number of instances, memories, tables, globals, tags and host functions that are alive.
    pub fn entities(&self) -> usize {
        self.0.entities()
    }

    /// Frees what only reaches itself, where no host collector does; returns how many entities it freed. It runs by itself when
    /// their number has doubled.
    pub fn collect_cycles(&self) -> usize {
        self.0.collect_cycles()
    }
}

fn settings(engine: &Engine) -> AgentSettings {
    let config = engine.config();
    AgentSettings {
        signals: config.settings.signals,
        heap_limit: config.heap_limit,
        heap_stress: config.heap_stress,
        ..AgentSettings::default()
    }
}

impl PartialEq for Agent {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

impl Eq for Agent {}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
