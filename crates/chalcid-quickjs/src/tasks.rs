//! Work on other threads, and the tasks of the JavaScript thread that follow it.
//!
//! ```text
//! in_parallel ──► engine's threads: work ──► Inbox (any thread) ──► ready ──► run_one (JavaScript thread)
//! queue_task ─────────────────────────────────────────────────────►   ┘
//! ```
//!
//! A continuation stays on the JavaScript thread in `waiting`; only its result travels. Who calls `run_one` is the embedder's choice
//! ([`Delivery`](crate::Delivery)): its own loop, told by `on_ready`, or a future on rquickjs's scheduler, which is there only
//! while something is under way, so that an idle runtime is idle.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::options::Delivery;
use crate::{QuickJs, interrupt};

type Task = Box<dyn FnOnce()>;
type Continuation = Box<dyn FnOnce(Box<dyn Any + Send>)>;

/// The tasks of one runtime.
pub(crate) struct Tasks {
    ready: RefCell<VecDeque<Task>>,
    waiting: RefCell<HashMap<u64, Continuation>>,
    next: Cell<u64>,
    inbox: Arc<Inbox>,
    closed: Cell<bool>,
    /// Whether a future on rquickjs's scheduler is looking after the tasks.
    driven: Cell<bool>,
}

/// Results on their way to the JavaScript thread.
struct Inbox {
    state: Mutex<InboxState>,
    arrived: Condvar,
    on_ready: Option<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct InboxState {
    /// The number of a continuation and what its work gave; nothing, where the work panicked.
    finished: Vec<(u64, Option<Box<dyn Any + Send>>)>,
    waker: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, id: u64, result: Option<Box<dyn Any + Send>>) {
        let waker = {
            let mut state = self.lock();
            state.finished.push((id, result));
            state.waker.take()
        };
        self.notify(waker);
    }

    fn notify(&self, waker: Option<Waker>) {
        self.arrived.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(on_ready) = &self.on_ready {
            on_ready();
        }
    }
}

impl Tasks {
    /// An empty queue, whose arrivals are told to `on_ready`.
    pub(crate) fn new(on_ready: Option<Box<dyn Fn() + Send + Sync>>) -> Self {
        Self {
            ready: RefCell::default(),
            waiting: RefCell::default(),
            next: Cell::new(0),
            inbox: Arc::new(Inbox { state: Mutex::default(), arrived: Condvar::new(), on_ready }),
            closed: Cell::new(false),
            driven: Cell::new(false),
        }
    }

    /// Queues a task.
    pub(crate) fn queue(self: &Rc<Self>, host: QuickJs, task: impl FnOnce(&QuickJs) + 'static) {
        if self.closed.get() {
            return;
        }
        let realm = host.realm_ref().ok();
        self.ready.borrow_mut().push_back(Box::new(move || {
            interrupt::notice(host.runtime());
            task(&host);
            drop(realm);
        }));
        let waker = self.inbox.lock().waker.take();
        self.inbox.notify(waker);
        self.drive(host);
    }

    /// Runs `work` on the engine's threads, then queues a task that runs `done`.
    pub(crate) fn in_parallel<T: Send + 'static>(
        self: &Rc<Self>,
        host: QuickJs,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&QuickJs, T) + 'static,
    ) {
        if self.closed.get() {
            return;
        }
        let id = self.next.get();
        self.next.set(id + 1);
        let realm = host.realm_ref().ok();
        let continuation: Continuation = Box::new(move |result| {
            if let Ok(result) = result.downcast::<T>() {
                interrupt::notice(host.runtime());
                done(&host, *result);
            }
            drop(realm);
        });
        self.waiting.borrow_mut().insert(id, continuation);
        let inbox = Arc::clone(&self.inbox);
        host.runtime().agent.engine().spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work)).ok();
            inbox.deliver(id, result.map(|result| Box::new(result) as Box<dyn Any + Send>));
        });
        self.drive(host);
    }

    /// Runs the next task that is ready; says whether there was one.
    pub(crate) fn run_one(&self) -> bool {
        self.collect();
        let task = self.ready.borrow_mut().pop_front();
        match task {
            Some(task) => {
                task();
                true
            }
            None => false,
        }
    }

    /// Whether nothing is ready or under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready.borrow().is_empty() && self.waiting.borrow().is_empty()
    }

    /// Blocks the thread until something is ready; says whether it is. False when nothing is under way.
    pub(crate) fn wait(&self) -> bool {
        loop {
            self.collect();
            if !self.ready.borrow().is_empty() {
                return true;
            }
            if self.waiting.borrow().is_empty() {
                return false;
            }
            let state = self.inbox.lock();
            if state.finished.is_empty() {
                drop(self.inbox.arrived.wait(state).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Drops every task, and takes no more: they hold values, and the runtime is about to go.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        let ready = std::mem::take(&mut *self.ready.borrow_mut());
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        drop(ready);
        drop(waiting);
    }

    /// Turns arrived results into tasks.
    fn collect(&self) {
        let finished = std::mem::take(&mut self.inbox.lock().finished);
        for (id, result) in finished {
            let continuation = self.waiting.borrow_mut().remove(&id);
            if let (Some(continuation), Some(result)) = (continuation, result) {
                self.ready.borrow_mut().push_back(Box::new(move || continuation(result)));
            }
        }
    }

    /// Sees to it that a future on rquickjs's scheduler runs the tasks, if that is how they are delivered.
    fn drive(self: &Rc<Self>, host: QuickJs) {
        if host.runtime().delivery == Delivery::Spawn && !self.driven.replace(true) {
            host.with_ctx(|ctx| ctx.spawn(Driver(Rc::clone(self))));
        }
    }
}

/// The future that runs tasks until none is left.
struct Driver(Rc<Tasks>);

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The waker goes in before the inbox is looked at: a result that arrives in between wakes it.
            self.0.inbox.lock().waker = Some(cx.waker().clone());
            if self.0.run_one() {
                continue;
            }
            if self.0.is_idle() {
                self.0.driven.set(false);
                return Poll::Ready(());
            }
            return Poll::Pending;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.driven.set(false);
    }
}
