//! The event loop: timers, finished work, immediates, in that order, until nothing is left that could call the program.
//!
//! The callbacks themselves live in JavaScript (`js/web/timers.js`); here are only their numbers and times. Waiting is done by a
//! tokio runtime on this thread, made the first time the loop has to wait (or the network is used), so a program that never
//! waits never pays for one.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{Ctx, Function, Persistent, Result};

use super::{Shell, process};

/// A timer's place in the order of firing: its time, then the order of starting.
type Due = (Instant, u64);

/// The functions of `js/web/timers.js` that the loop calls.
pub struct Dispatch {
    /// Runs the callback of the timer with the given number.
    pub fire: Persistent<Function<'static>>,
    /// Runs one immediate; tells whether another of the same round is waiting.
    pub immediate: Persistent<Function<'static>>,
}

struct Timer {
    due: Due,
    keeps_alive: bool,
}

/// The state of the loop.
pub struct EventLoop {
    queue: RefCell<BTreeMap<Due, u32>>,
    timers: RefCell<HashMap<u32, Timer>>,
    started: Cell<u64>,
    keeping_alive: Cell<usize>,
    immediates: Cell<bool>,
    dispatch: RefCell<Option<Rc<Dispatch>>>,
    tokio: OnceCell<tokio::runtime::Runtime>,
}

impl EventLoop {
    /// A loop with nothing to do.
    pub fn new() -> EventLoop {
        EventLoop {
            queue: RefCell::default(),
            timers: RefCell::default(),
            started: Cell::new(0),
            keeping_alive: Cell::new(0),
            immediates: Cell::new(false),
            dispatch: RefCell::new(None),
            tokio: OnceCell::new(),
        }
    }

    /// Sets the functions that run callbacks.
    pub fn set_dispatch(&self, dispatch: Dispatch) {
        *self.dispatch.borrow_mut() = Some(Rc::new(dispatch));
    }

    /// Starts (or restarts) timer `id`, to fire in `delay` milliseconds.
    pub fn schedule(&self, id: u32, delay: f64) {
        let keeps_alive = self.cancel(id).unwrap_or(true);
        let started = self.started.get();
        self.started.set(started + 1);
        let delay = Duration::from_secs_f64(delay.clamp(1.0, f64::from(i32::MAX)).trunc() / 1000.0);
        let due = (Instant::now() + delay, started);
        self.queue.borrow_mut().insert(due, id);
        self.timers.borrow_mut().insert(id, Timer { due, keeps_alive });
        if keeps_alive {
            self.keeping_alive.set(self.keeping_alive.get() + 1);
        }
    }

    /// Stops timer `id`; tells whether it kept the program alive, if there was one.
    pub fn cancel(&self, id: u32) -> Option<bool> {
        let timer = self.timers.borrow_mut().remove(&id)?;
        self.queue.borrow_mut().remove(&timer.due);
        if timer.keeps_alive {
            self.keeping_alive.set(self.keeping_alive.get() - 1);
        }
        Some(timer.keeps_alive)
    }

    /// Says whether timer `id` keeps the program alive while it waits.
    pub fn keep_alive(&self, id: u32, keeps_alive: bool) {
        if let Some(timer) = self.timers.borrow_mut().get_mut(&id)
            && timer.keeps_alive != keeps_alive
        {
            timer.keeps_alive = keeps_alive;
            let alive = self.keeping_alive.get();
            self.keeping_alive.set(if keeps_alive { alive + 1 } else { alive - 1 });
        }
    }

    /// Asks for a round of immediates.
    pub fn want_immediates(&self) {
        self.immediates.set(true);
    }

    /// The runtime that waits and drives the network.
    pub fn tokio(&self) -> std::io::Result<&tokio::runtime::Runtime> {
        if let Some(runtime) = self.tokio.get() {
            return Ok(runtime);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        Ok(self.tokio.get_or_init(|| runtime))
    }

    /// Takes the first timer that is due at `now`.
    fn next_due(&self, now: Instant) -> Option<u32> {
        let mut queue = self.queue.borrow_mut();
        let first = queue.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let id = first.remove();
        drop(queue);
        self.cancel(id);
        Some(id)
    }

    fn next_time(&self) -> Option<Instant> {
        self.queue.borrow().keys().next().map(|due| due.0)
    }

    fn dispatch(&self) -> Option<Rc<Dispatch>> {
        self.dispatch.borrow().clone()
    }
}

impl Shell {
    /// Turns the loop until nothing keeps the program alive.
    pub fn turn_until_idle(self: &Rc<Shell>) {
        loop {
            self.turn_while(|| true);
            // Handlers of `beforeExit` may start something new.
            self.callback(|ctx| process::emit_before_exit(ctx, self));
            if !self.is_alive() {
                return;
            }
        }
    }

    /// Turns the loop until nothing keeps the program alive or `wanted` says no.
    pub fn turn_while(self: &Rc<Shell>, wanted: impl Fn() -> bool) {
        self.run_jobs();
        while wanted() {
            self.run_callbacks();
            if !self.is_alive() {
                return;
            }
            if wanted() {
                self.wait();
            }
        }
    }

    /// Turns the loop once, waiting for something to happen even if nothing keeps the program alive.
    pub fn turn_once(self: &Rc<Shell>) {
        self.run_callbacks();
        self.wait();
    }

    /// Everything that is ready now.
    fn run_callbacks(self: &Rc<Shell>) {
        self.run_timers();
        self.deliver_tasks();
        self.deliver_compilations();
        self.run_immediates();
    }

    /// Whether something is under way that may call the program.
    pub fn is_alive(&self) -> bool {
        self.event_loop.keeping_alive.get() > 0
            || self.event_loop.immediates.get()
            || self.tasks.is_busy()
            || self.compiles()
    }

    fn run_timers(self: &Rc<Shell>) {
        let now = Instant::now();
        while let Some(id) = self.event_loop.next_due(now) {
            let Some(dispatch) = self.event_loop.dispatch() else { return };
            self.callback(|ctx| dispatch.fire.clone().restore(ctx)?.call((id,)));
        }
    }

    fn run_immediates(self: &Rc<Shell>) {
        if !self.event_loop.immediates.replace(false) {
            return;
        }
        let Some(dispatch) = self.event_loop.dispatch() else { return };
        let mut more = true;
        while more {
            // One that throws does not take the rest of its round with it.
            self.callback(|ctx: &Ctx<'_>| -> Result<()> {
                more = dispatch.immediate.clone().restore(ctx)?.call(())?;
                Ok(())
            });
        }
    }

    /// Waits for the next timer or for work to finish; not at all when immediates are waiting.
    fn wait(&self) {
        let until = if self.event_loop.immediates.get() {
            if !self.tasks.is_busy() {
                return;
            }
            Some(Instant::now())
        } else {
            self.event_loop.next_time()
        };
        self.wasm.idle();
        let inbox = self.tasks.inbox();
        match self.event_loop.tokio() {
            Ok(tokio) => tokio.block_on(async {
                match until {
                    // Elapsing is one of the two things waited for.
                    Some(until) => drop(tokio::time::timeout_at(until.into(), inbox.arrival()).await),
                    None => inbox.arrival().await,
                }
            }),
            // No descriptors left for a reactor: timers still work.
            Err(_) => std::thread::sleep(until.map_or(Duration::from_millis(1), |until| {
                until.saturating_duration_since(Instant::now()).min(Duration::from_millis(1))
            })),
        }
    }
}
