//! Traps and the frames that were running when they happened.

use std::fmt;
use std::sync::Arc;

pub use chalcid_module::trap_code::TrapCode;

/// Execution that stopped, as the specification says it must.
///
/// `Display` gives the message and then one line a frame, in the form that V8 made usual:
///
/// ```text
/// unreachable
///     at fail (wasm://wasm/0a1b2c3d:wasm-function[1]:0x2f)
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    code: TrapCode,
    frames: Arc<[Frame]>,
}

impl Trap {
    /// A trap raised by the embedder; it has no frames of its own.
    pub fn new(code: TrapCode) -> Self {
        Self::with_frames(code, Arc::new([]))
    }

    pub(crate) fn with_frames(code: TrapCode, frames: Arc<[Frame]>) -> Self {
        Self { code, frames }
    }

    /// Why execution stopped.
    pub fn code(&self) -> TrapCode {
        self.code
    }

    /// The message of the specification's tests.
    pub fn message(&self) -> &'static str {
        self.code.message()
    }

    /// The wasm frames that were running, innermost first, across every host function between them.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        for frame in self.frames() {
            write!(f, "\n    {frame}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}

/// A function of a module that was running.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The module's address, see [`Module::url`](crate::Module::url).
    pub module: Arc<str>,
    /// Index of the function within its module.
    pub func: u32,
    /// Name of the function, from the module's name section.
    pub name: Option<Arc<str>>,
    /// Offset in the module's bytes of the instruction that ran, where it is known.
    pub offset: Option<u32>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("at ")?;
        if let Some(name) = &self.name {
            write!(f, "{name} (")?;
        }
        write!(f, "{}:wasm-function[{}]", self.module, self.func)?;
        if let Some(offset) = self.offset {
            write!(f, ":{offset:#x}")?;
        }
        if self.name.is_some() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_like_v8s() {
        let mut frame =
            Frame { module: "wasm://wasm/0a1b2c3d".into(), func: 3, name: Some("f".into()), offset: Some(47) };
        assert_eq!(frame.to_string(), "at f (wasm://wasm/0a1b2c3d:wasm-function[3]:0x2f)");
        frame.name = None;
        assert_eq!(frame.to_string(), "at wasm://wasm/0a1b2c3d:wasm-function[3]:0x2f");
    }
}
