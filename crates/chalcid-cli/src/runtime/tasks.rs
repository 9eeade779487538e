//! Work that goes on outside the JavaScript thread, and the promises that wait for it.
//!
//! A [`Ticket`] stands for one promise. It can be sent to another thread; whoever holds it hands in an [`Outcome`], a closure
//! that makes the promise's value once it is back on the JavaScript thread. A ticket that is lost (its thread panicked) rejects.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::{Ctx, Function, Persistent, Promise, Result, Value};
use tokio::task::AbortHandle;

use super::Shell;
use super::throw::{self, Kind};

/// Makes the value of a promise, or throws what it is rejected with.
pub type Outcome = Box<dyn for<'js> FnOnce(&Ctx<'js>) -> Result<Value<'js>> + Send>;

/// Finished work on its way back, and the alarm that ends the event loop's wait.
#[derive(Default)]
pub struct Inbox {
    finished: Mutex<Vec<(u64, Outcome)>>,
    alarm: tokio::sync::Notify,
}

impl Inbox {
    /// Ends a wait of the event loop.
    pub fn wake(&self) {
        self.alarm.notify_one();
    }

    /// Resolves when something has arrived since the last time.
    pub async fn arrival(&self) {
        self.alarm.notified().await;
    }

    fn put(&self, id: u64, outcome: Outcome) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push((id, outcome));
        self.wake();
    }

    fn take(&self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The right and the duty to settle one promise.
pub struct Ticket {
    id: u64,
    inbox: Arc<Inbox>,
    used: bool,
}

impl Ticket {
    /// Hands in the outcome.
    pub fn finish(mut self, outcome: Outcome) {
        self.used = true;
        self.inbox.put(self.id, outcome);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.inbox.put(
                self.id,
                Box::new(|ctx| Err(throw::throw(ctx, Kind::Error, "the work behind this promise was abandoned"))),
            );
        }
    }
}

struct Settle {
    resolve: Persistent<Function<'static>>,
    reject: Persistent<Function<'static>>,
}

/// The promises that wait for work.
pub struct Tasks {
    waiting: RefCell<HashMap<u64, Settle>>,
    next: Cell<u64>,
    inbox: Arc<Inbox>,
}

impl Tasks {
    /// No work.
    pub fn new() -> Tasks {
        Tasks { waiting: RefCell::default(), next: Cell::new(0), inbox: Arc::default() }
    }

    /// Where finished work arrives.
    pub fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// Whether a promise waits.
    pub fn is_busy(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// A new promise and its ticket.
    pub fn begin<'js>(&self, ctx: &Ctx<'js>) -> Result<(Promise<'js>, Ticket)> {
        let (promise, resolve, reject) = ctx.promise()?;
        let id = self.next.get();
        self.next.set(id + 1);
        let settle = Settle { resolve: Persistent::save(ctx, resolve), reject: Persistent::save(ctx, reject) };
        self.waiting.borrow_mut().insert(id, settle);
        Ok((promise, Ticket { id, inbox: self.inbox(), used: false }))
    }
}

impl Shell {
    /// Runs `work` on a thread of the pool; or here, if it is over sooner than a thread could begin. Its outcome arrives by the event
    /// loop either way.
    pub fn in_background<'js>(
        &self,
        ctx: &Ctx<'js>,
        is_quick: bool,
        work: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Result<Promise<'js>> {
        let (promise, ticket) = self.tasks.begin(ctx)?;
        if is_quick {
            ticket.finish(work());
            return Ok(promise);
        }
        match self.event_loop.tokio() {
            Ok(tokio) => drop(tokio.spawn_blocking(move || ticket.finish(work()))),
            Err(_) => ticket.finish(work()),
        }
        Ok(promise)
    }

    /// Drives `work` on this thread while the event loop waits; the handle gives it up.
    pub fn in_reactor<'js>(
        &self,
        ctx: &Ctx<'js>,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Result<(Promise<'js>, Option<AbortHandle>)> {
        let (promise, ticket) = self.tasks.begin(ctx)?;
        let handle = match self.event_loop.tokio() {
            Ok(tokio) => Some(tokio.spawn(async move { ticket.finish(work.await) }).abort_handle()),
            Err(error) => {
                let message = error.to_string();
                ticket.finish(Box::new(move |ctx| Err(throw::throw(ctx, Kind::Error, &message))));
                None
            }
        };
        Ok((promise, handle))
    }

    /// Settles the promises whose work is finished, each followed by the jobs it leaves.
    pub fn deliver_tasks(self: &Rc<Shell>) {
        for (id, outcome) in self.tasks.inbox.take() {
            let Some(settle) = self.tasks.waiting.borrow_mut().remove(&id) else { continue };
            self.callback(|ctx| match outcome(ctx) {
                Ok(value) => settle.resolve.restore(ctx)?.call((value,)),
                Err(error) => settle.reject.restore(ctx)?.call((throw::caught(ctx, error),)),
            });
        }
    }
}
