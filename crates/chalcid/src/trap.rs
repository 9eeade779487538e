//! Traps and the frames that were running when they happened.

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use chalcid_module::trap_code::TrapCode;

use chalcid_module::source_lines::SourceLine;

use crate::module::ModuleData;

/// Execution that stopped, as the specification says it must.
///
/// `Display` gives the message and then one line a frame, in the form that V8 made usual:
///
/// ```text
/// unreachable
///     at fail (wasm://wasm/0a1b2c3d:wasm-function[1]:0x2f)
/// ```
#[derive(Clone, Debug)]
pub struct Trap {
    raw: chalcid_vm::Trap,
    /// Made when somebody asks.
    frames: OnceLock<Box<[Frame]>>,
}

impl Trap {
    /// A trap to be raised by a host function: it gets the frames that are running when the function returns it.
    pub fn new(code: TrapCode) -> Self {
        Self::from_raw(chalcid_vm::Trap { code, backtrace: chalcid_vm::Backtrace::default() })
    }

    pub(crate) fn from_raw(raw: chalcid_vm::Trap) -> Self {
        Self { raw, frames: OnceLock::new() }
    }

    pub(crate) fn into_raw(self) -> chalcid_vm::Trap {
        self.raw
    }

    /// Whether it comes from a host function that did not say where it was.
    pub(crate) fn is_bare(&self) -> bool {
        self.raw.backtrace.frames.is_empty()
    }

    /// Why execution stopped.
    pub fn code(&self) -> TrapCode {
        self.raw.code
    }

    /// The message of the specification's tests.
    pub fn message(&self) -> &'static str {
        self.raw.code.message()
    }

    /// The wasm frames that were running, innermost first, across every host function between them.
    pub fn frames(&self) -> &[Frame] {
        self.frames.get_or_init(|| Frame::all(&self.raw.backtrace).into())
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
///
/// `Display` gives `at NAME (wasm://wasm/HASH8:wasm-function[I]:0xOFFSET)`; without a name there are no parentheses either. Where the module
/// knows lines of source, `, FILE:LINE:COLUMN` comes after the offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The module's address, see [`Module::url`](crate::Module::url).
    pub module: Arc<str>,
    /// Index of the function within its module.
    pub func: u32,
    /// Name of the function, from the module's name section.
    pub name: Option<Box<str>>,
    /// Offset in the module's bytes of the instruction that ran, where it is known.
    pub offset: Option<u32>,
    /// The line of source that the instruction comes from, where the module's DWARF sections say so.
    pub source: Option<SourceLine>,
    /// How many calls from the host into wasm lie between the frame and the place that asked: frames of the innermost have 0.
    pub activation: u32,
}

impl Frame {
    pub(crate) fn all(backtrace: &chalcid_vm::Backtrace) -> Vec<Self> {
        backtrace.frames.iter().map(Self::new).collect()
    }

    fn new(frame: &chalcid_vm::Frame) -> Self {
        let func = frame.func();
        let data = ModuleData::of(&frame.module);
        Self {
            module: data.map_or_else(|| "wasm://wasm".into(), |data| data.url().clone()),
            func: func.0,
            name: data.and_then(|data| data.names(&frame.module).function(func)).map(Box::from),
            offset: frame.wasm_offset,
            source: data.zip(frame.wasm_offset).and_then(|(data, offset)| data.source_line(&frame.module, offset)),
            activation: frame.activation,
        }
    }
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
        if let Some(source) = &self.source {
            write!(f, ", {source}")?;
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
        let module = "wasm://wasm/0a1b2c3d".into();
        let mut frame =
            Frame { module, func: 3, name: Some("f".into()), offset: Some(47), source: None, activation: 0 };
        assert_eq!(frame.to_string(), "at f (wasm://wasm/0a1b2c3d:wasm-function[3]:0x2f)");
        frame.name = None;
        assert_eq!(frame.to_string(), "at wasm://wasm/0a1b2c3d:wasm-function[3]:0x2f");
        frame.source = Some(SourceLine { file: "src/f.c".into(), line: 12, column: Some(5) });
        assert_eq!(frame.to_string(), "at wasm://wasm/0a1b2c3d:wasm-function[3]:0x2f, src/f.c:12:5");
    }
}
