//! What runs between two callbacks: the tick queue of `process.nextTick`, promise jobs, and the report of rejections that
//! nobody listens to.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use rquickjs::{Persistent, Value};

use super::{Shell, process, throw};
use crate::errors::{self, Origin};

struct Rejection {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

/// Promises that were rejected while nobody listened.
#[derive(Default)]
pub struct Rejections {
    unhandled: RefCell<Vec<Rejection>>,
}

impl Rejections {
    /// Starts listening to the engine's rejections.
    pub fn install(&self, shell: &Rc<Shell>) {
        let shell_of = Rc::downgrade(shell);
        shell.runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, is_handled| {
            let Some(shell) = Weak::upgrade(&shell_of) else { return };
            let unhandled = &shell.rejections.unhandled;
            if is_handled {
                unhandled
                    .borrow_mut()
                    .retain(|known| known.promise.clone().restore(&ctx).is_ok_and(|known| known != promise));
            } else {
                let rejection =
                    Rejection { promise: Persistent::save(&ctx, promise), reason: Persistent::save(&ctx, reason) };
                unhandled.borrow_mut().push(rejection);
            }
        })));
    }
}

impl Shell {
    /// Runs ticks and promise jobs until there are none, then reports the rejections that nobody has taken up.
    pub fn run_jobs(self: &Rc<Shell>) {
        loop {
            self.run_ticks();
            self.run_promise_jobs();
            if self.process.ticks.get() {
                continue;
            }
            if !self.report_rejections() {
                return;
            }
        }
    }

    fn run_ticks(self: &Rc<Shell>) {
        while self.process.ticks.replace(false) {
            self.context.with(|ctx| {
                if let Err(error) = process::run_ticks(&ctx, self) {
                    // What is left in the queue still has its turn.
                    self.process.ticks.set(true);
                    let value = throw::caught(&ctx, error);
                    errors::uncaught(&ctx, self, value, Origin::Exception);
                }
            });
        }
    }

    /// Runs promise jobs until there are none.
    pub fn run_promise_jobs(self: &Rc<Shell>) {
        loop {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => return,
                Err(job) => job.0.with(|ctx| {
                    let value = ctx.catch();
                    errors::uncaught(&ctx, self, value, Origin::Exception);
                }),
            }
        }
    }

    /// Reports each unhandled rejection; tells whether a handler ran that may have left jobs.
    fn report_rejections(self: &Rc<Shell>) -> bool {
        let unhandled = std::mem::take(&mut *self.rejections.unhandled.borrow_mut());
        if unhandled.is_empty() {
            return false;
        }
        self.context.with(|ctx| {
            for Rejection { promise, reason } in unhandled {
                if let (Ok(promise), Ok(reason)) = (promise.restore(&ctx), reason.restore(&ctx)) {
                    errors::uncaught(&ctx, self, reason, Origin::Rejection(promise));
                }
            }
        });
        true
    }
}
