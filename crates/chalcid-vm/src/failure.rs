//! Why running code stopped, and where it was.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use chalcid_module::index::{DefinedFuncIdx, FuncIdx};
use chalcid_module::trap_code::TrapCode;

use crate::agent::Agent;
use crate::heap::ObjectRef;
use crate::module::ModuleObject;
use crate::value::HostValue;

/// What ended a call into wasm.
#[derive(Debug)]
pub enum Failure {
    /// A trap.
    Trap(Trap),
    /// The host threw a value of its own. Wasm may catch it.
    Value(HostValue),
    /// The host threw a value of its own that no code of wasm may catch: for JavaScript, what a trap was turned into, thrown on.
    Uncatchable(HostValue),
    /// An exception of wasm.
    Exception(ObjectRef),
    /// The host failed in its own way.
    Error(Box<dyn Any>),
}

/// A trap and where it happened.
#[derive(Debug, Clone)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// The frames at that moment.
    pub backtrace: Backtrace,
}

/// Wasm frames, innermost first.
#[derive(Clone, Debug, Default)]
pub struct Backtrace {
    /// The frames, at most as many as were asked for.
    pub frames: Box<[Frame]>,
}

/// One wasm frame.
#[derive(Clone)]
pub struct Frame {
    /// Module of the function.
    pub module: Arc<ModuleObject>,
    /// The function, among those its module defines.
    pub defined: DefinedFuncIdx,
    /// Where the frame stands: offset in the module's bytes, where it is known.
    pub wasm_offset: Option<u32>,
    /// Counts the calls from the host into wasm that are on the stack: frames of the innermost have 0.
    pub activation: u32,
}

impl Frame {
    /// The function.
    pub fn func(&self) -> FuncIdx {
        self.module.declarations().func_index(self.defined)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "func {} @ {:?} (activation {})", self.func().0, self.wasm_offset, self.activation)
    }
}

/// A failure on its way to the call that it ends.
pub(crate) enum Pending {
    Failure(Failure),
    /// An exception on its way to the code that looks at it.
    Thrown(Thrown),
    /// A panic of a host function, resumed behind the frames of wasm.
    Panic(Box<dyn Any + Send>),
}

/// What code of wasm may catch.
pub(crate) enum Thrown {
    Exception(ObjectRef),
    Value(HostValue),
}

impl Pending {
    /// What becomes of the failure of a host function. What belongs to another agent is nothing that code may see.
    pub(crate) fn of_host(agent: &Agent, failure: Failure) -> Self {
        match failure {
            Failure::Exception(exception) if exception.agent().same(agent) => {
                Self::Thrown(Thrown::Exception(exception))
            }
            Failure::Value(value) if value.agent().same(agent) => Self::Thrown(Thrown::Value(value)),
            failure => Self::Failure(failure),
        }
    }
}

/// Most frames that a trap records.
pub const TRAP_FRAMES: usize = 64;

impl Agent {
    /// A trap at the current place.
    pub fn trap(&self, code: TrapCode) -> Failure {
        Failure::Trap(Trap { code, backtrace: self.backtrace(TRAP_FRAMES) })
    }
}
