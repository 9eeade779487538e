//! [`Runtime`]: what Chalcid keeps for one QuickJS runtime, and how it is found again.
//!
//! ```text
//! rquickjs user data ──► Anchor ──► Runtime ◄── every class box, every memory buffer (plain pointers)
//!                                      ▲
//!                     QuickJS runtime finaliser (frees it last of all)
//! ```
//!
//! Finalisers of JavaScript objects reach the `Runtime` by pointer, so it must be the last thing to go: QuickJS calls its runtime
//! finalisers after the last object is dead. What holds JavaScript values without being a JavaScript object (tasks that wait) must go
//! *before* QuickJS looks for leaks: rquickjs drops its user data first, and [`Anchor`]'s drop is where that happens.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::OnceLock;

use chalcid::{Agent, Config, Engine};
use rquickjs::{Ctx, Error, JsLifetime, qjs};

use crate::buffer::Hold;
use crate::class::Classes;
use crate::collector::Collector;
use crate::function_realm::Known;
use crate::hooks::AgentHooks;
use crate::interrupt;
use crate::options::{Delivery, Options, Streaming};
use crate::pressure::Pressure;
use crate::stack;
use crate::stack_trace::{self, Entry};
use crate::string::Layout;
use crate::tasks::Tasks;

/// Chalcid's state of one QuickJS runtime.
pub(crate) struct Runtime {
    pub(crate) rt: NonNull<qjs::JSRuntime>,
    pub(crate) classes: Classes,
    pub(crate) agent: Agent,
    /// Tells the agent's hooks when the runtime is gone.
    alive: Rc<Cell<bool>>,
    pub(crate) tasks: Rc<Tasks>,
    pub(crate) delivery: Delivery,
    pub(crate) streaming: Option<Box<dyn Streaming>>,
    pub(crate) pressure: Pressure,
    /// The realms that WebAssembly is installed in.
    pub(crate) realms: RefCell<Vec<Known>>,
    /// The ArrayBuffers that show a memory, by object; see [`crate::buffer`].
    pub(crate) memory_buffers: RefCell<HashMap<NonNull<c_void>, NonNull<Hold>>>,
    /// The Exported GC Objects, by number; see [`crate::gc_object`].
    pub(crate) gc_objects: RefCell<HashMap<u32, NonNull<c_void>>>,
    pub(crate) collector: Collector,
    /// Where the units of strings are, if they can be read in place.
    pub(crate) string_layout: Cell<Option<Layout>>,
    /// The thread that the agent belongs to, and the limit of its stack.
    pub(crate) stack: stack::Known,
    /// Where QuickJS keeps its innermost frame; see [`crate::stack_trace`].
    pub(crate) frame_list: usize,
    /// Where QuickJS keeps its interrupt handler; see [`crate::interrupt`].
    pub(crate) interrupt_handler: usize,
    /// The calls of JavaScript into this crate that are under way, innermost first.
    pub(crate) entries: Cell<*const Entry>,
    /// The context whose errors were last prepared to be given WebAssembly frames.
    pub(crate) traced_context: Cell<*mut qjs::JSContext>,
}

/// What rquickjs's user data holds: the way from a `Ctx` to the [`Runtime`].
struct Anchor(NonNull<Runtime>);

// SAFETY: the type holds no JavaScript lifetime at all.
unsafe impl<'js> JsLifetime<'js> for Anchor {
    type Changed<'to> = Anchor;
}

impl Drop for Anchor {
    fn drop(&mut self) {
        // SAFETY: the runtime's state is freed by the runtime's finaliser, which runs after the user data is dropped.
        unsafe { self.0.as_ref() }.let_go();
    }
}

impl Runtime {
    /// The state of a runtime, made on first use. The options are used only then.
    pub(crate) fn get_or_create(ctx: &Ctx<'_>, options: Options) -> rquickjs::Result<NonNull<Runtime>> {
        if let Some(runtime) = Self::get(ctx) {
            return Ok(runtime);
        }
        // SAFETY: `ctx` is a live context.
        let rt = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
        let rt = NonNull::new(rt).ok_or(Error::Unknown)?;
        let classes = Classes::register(rt)?;
        let engine = match options.engine {
            Some(engine) => engine,
            None => default_engine()?,
        };
        let alive = Rc::new(Cell::new(true));
        let agent = Agent::with_hooks(&engine, Box::new(AgentHooks::new(rt, classes.object, Rc::clone(&alive))));
        // As QuickJS has it for `Atomics.wait`, unless it is told otherwise.
        agent.set_can_block(false);
        let frame_list = stack_trace::find_frame_list(ctx.as_raw(), rt);
        let runtime = NonNull::from(Box::leak(Box::new(Runtime {
            rt,
            classes,
            agent,
            alive,
            tasks: Rc::new(Tasks::new(options.on_ready)),
            delivery: options.delivery,
            streaming: options.streaming,
            pressure: Pressure::default(),
            realms: RefCell::default(),
            memory_buffers: RefCell::default(),
            gc_objects: RefCell::default(),
            collector: Collector::default(),
            string_layout: Cell::new(None),
            stack: stack::Known::of_this_thread(),
            frame_list,
            interrupt_handler: interrupt::find(rt, frame_list),
            entries: Cell::new(std::ptr::null()),
            traced_context: Cell::new(std::ptr::null_mut()),
        })));
        // SAFETY: `free_runtime` takes exactly the pointer that it is given here, once.
        let added = unsafe { qjs::JS_AddRuntimeFinalizer(rt.as_ptr(), Some(free_runtime), runtime.as_ptr().cast()) };
        if added != 0 {
            // SAFETY: nobody else has the pointer yet.
            drop(unsafe { Box::from_raw(runtime.as_ptr()) });
            return Err(Error::Allocation);
        }
        // A refusal means that user data is being read right now; the state is freed with the runtime all the same.
        ctx.store_userdata(Anchor(runtime)).map_err(|_| Error::Unknown)?;
        // SAFETY: the state was just made; it is freed with the runtime.
        unsafe { runtime.as_ref() }.collector.start(ctx.as_raw(), runtime)?;
        Ok(runtime)
    }

    /// The state of a runtime, where there is one.
    pub(crate) fn get(ctx: &Ctx<'_>) -> Option<NonNull<Runtime>> {
        ctx.userdata::<Anchor>().map(|anchor| anchor.0)
    }

    /// Collects the engine's heap, if QuickJS has collected its own and found that there is more to free: what only dead objects
    /// of WebAssembly hold.
    #[inline]
    pub(crate) fn follow_collection(&self) {
        if self.collector.take_has_run() {
            self.collect_heap();
        }
    }

    #[cold]
    fn collect_heap(&self) {
        if self.agent.raw().take_host_freed() {
            self.agent.raw().collect_garbage();
        }
    }

    /// Drops everything that holds JavaScript values without being a JavaScript object.
    fn let_go(&self) {
        self.tasks.close();
        self.collector.stop(self.rt, &self.agent);
        self.agent.raw().abandon_heap();
    }
}

/// The engine that all runtimes share whose embedders do not bring one.
fn default_engine() -> rquickjs::Result<Engine> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine.clone());
    }
    let engine = Engine::new(Config::new()).map_err(unsupported)?;
    Ok(ENGINE.get_or_init(|| engine).clone())
}

fn unsupported(error: chalcid::Error) -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::Unsupported, error.to_string()))
}

/// The runtime finaliser: every object is dead, nobody can reach the state any more.
unsafe extern "C" fn free_runtime(_: *mut qjs::JSRuntime, runtime: *mut c_void) {
    // SAFETY: the pointer is the leaked box, and this is called once.
    let runtime = unsafe { Box::from_raw(runtime.cast::<Runtime>()) };
    runtime.alive.set(false);
}
