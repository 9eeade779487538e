//! Modules compiled while their bytes arrive: [`ModuleBuilder`].
//!
//! ```text
//!   push ──► incoming ──► one thread decodes what is there ──► batches ──► any thread validates ──► finish: nearly nothing is left
//! ```
//!
//! Nothing waits for bytes on a thread of the engine: a thread takes what there is and goes. [`ModuleBuilder::finish`] does itself what no thread has
//! begun, so that it never waits for one that is still to come.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chalcid_module::decode::stream::{Batch, Stream};

use crate::{CompileError, Engine, Module};

/// A module whose bytes arrive piece by piece: decoded and validated on the engine's threads meanwhile. Clones are handles to the same one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = chalcid::Engine::default();
/// let builder = chalcid::ModuleBuilder::new(&engine);
/// for piece in wat::parse_str(r#"(module (func (export "f")))"#)?.chunks(10) {
///     builder.push(piece);
/// }
/// assert_eq!(builder.finish()?.exports().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ModuleBuilder(Arc<Handle>);

/// The one that the handles share: what is left undone is given up with the last of them.
struct Handle(Arc<Shared>);

struct Shared {
    engine: Engine,
    state: Mutex<State>,
    /// Signalled when a thread has put the stream back, or a batch is done.
    changed: Condvar,
}

struct State {
    incoming: VecDeque<Vec<u8>>,
    /// Whether any byte has come.
    any: bool,
    /// Absent while a thread decodes, and after the end.
    stream: Option<Stream>,
    /// Bodies that no thread validates yet.
    batches: VecDeque<Batch>,
    /// Batches that threads are at.
    running: usize,
    /// Something that was validated is not valid.
    failed: bool,
    /// Whether nobody wants the module any more, or all of it has been asked for.
    closed: bool,
}

impl ModuleBuilder {
    /// A module of which no byte is there yet.
    pub fn new(engine: &Engine) -> Self {
        Self::with_capacity(engine, 0)
    }

    /// As [`new`](Self::new), where about so many bytes are expected.
    pub fn with_capacity(engine: &Engine, bytes: usize) -> Self {
        let state = State {
            incoming: VecDeque::new(),
            any: false,
            stream: Some(Stream::new(engine.features(), bytes)),
            batches: VecDeque::new(),
            running: 0,
            failed: false,
            closed: false,
        };
        Self(Arc::new(Handle(Arc::new(Shared {
            engine: engine.clone(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))))
    }

    /// Adds the next bytes. Returns at once; they are kept until the module is made, so there is no use in waiting for those before them.
    /// After [`finish`](Self::finish) they are ignored.
    pub fn push(&self, bytes: impl Into<Vec<u8>>) {
        let (shared, bytes) = (&self.0.0, bytes.into());
        {
            let mut state = shared.lock();
            if state.closed || bytes.is_empty() {
                return;
            }
            state.any = true;
            state.incoming.push_back(bytes);
            if state.stream.is_none() {
                // The thread that decodes looks again.
                return;
            }
        }
        let shared = Arc::clone(shared);
        self.0.0.engine.clone().spawn(move || shared.decode());
    }

    /// Whether there are no bytes yet.
    pub fn is_empty(&self) -> bool {
        !self.0.0.lock().any
    }

    /// The module, now that all bytes are there. What is wrong with them is what [`Module::new`] says about them.
    pub fn finish(self) -> Result<Module, CompileError> {
        let (shared, started) = (&self.0.0, Instant::now());
        let mut state = shared.lock();
        state.closed = true;
        let mut stream = loop {
            match state.stream.take() {
                Some(stream) => break stream,
                // A thread is decoding; it puts the stream back when it has seen that the module is closed.
                None => state = shared.wait(state),
            }
        };
        let incoming = std::mem::take(&mut state.incoming);
        drop(state);
        let mut batches: Vec<Batch> = incoming.iter().filter_map(|bytes| stream.push(bytes)).collect();
        batches.extend(stream.end());
        let mut state = shared.lock();
        state.batches.extend(batches);
        drop(state);
        while shared.validate_one() {}
        let mut state = shared.lock();
        while state.running > 0 {
            state = shared.wait(state);
        }
        let is_valid = !state.failed;
        drop(state);
        let (bytes, hash, declarations) = stream.finish();
        match declarations.filter(|_| is_valid) {
            Some(declarations) => {
                Module::of_valid(&shared.engine, shared.engine.copy_bytes(&bytes), hash, declarations, started)
            }
            None => Module::new(&shared.engine, bytes),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Decodes what is there, unless another thread does.
    fn decode(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let Some(stream) = state.stream.take() else { return };
        let mut decoding = Decoding { shared: self, stream: Some(stream) };
        while !state.closed
            && let Some(bytes) = state.incoming.pop_front()
        {
            drop(state);
            let batch = decoding.stream.as_mut().and_then(|stream| stream.push(&bytes));
            state = self.lock();
            if let Some(batch) = batch {
                state.batches.push_back(batch);
                drop(state);
                let shared = Arc::clone(self);
                self.engine.spawn(move || {
                    shared.validate_one();
                });
                state = self.lock();
            }
        }
        decoding.put_back(&mut state);
    }

    /// Validates a batch; says whether there was one.
    fn validate_one(&self) -> bool {
        let batch = {
            let mut state = self.lock();
            let Some(batch) = state.batches.pop_front() else { return false };
            state.running += 1;
            batch
        };
        let mut validating = Validating { shared: self, is_valid: false };
        validating.is_valid = batch.is_valid();
        // Before the count goes down: who waits for it wants to be the only one to have what the batch refers to.
        drop(batch);
        drop(validating);
        true
    }
}

/// A stream that a thread has taken, put back whatever happens.
struct Decoding<'a> {
    shared: &'a Shared,
    stream: Option<Stream>,
}

impl Decoding<'_> {
    fn put_back(&mut self, state: &mut State) {
        if let Some(stream) = self.stream.take() {
            state.stream = Some(stream);
            self.shared.changed.notify_all();
        }
    }
}

impl Drop for Decoding<'_> {
    fn drop(&mut self) {
        if self.stream.is_some() {
            let mut state = self.shared.lock();
            // Half of a piece may have been decoded when the thread panicked.
            state.failed = true;
            self.put_back(&mut state);
        }
    }
}

/// A batch that a thread is at.
struct Validating<'a> {
    shared: &'a Shared,
    is_valid: bool,
}

impl Drop for Validating<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.running -= 1;
        if !self.is_valid {
            state.failed = true;
            // What is still to be validated makes no difference any more.
            let rest = std::mem::take(&mut state.batches);
            drop(state);
            drop(rest);
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        let rest = (std::mem::take(&mut state.incoming), std::mem::take(&mut state.batches));
        drop(state);
        drop(rest);
    }
}

impl std::fmt::Debug for ModuleBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModuleBuilder").finish_non_exhaustive()
    }
}
