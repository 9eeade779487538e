//! Walking the frames of machine code, by their frame pointers.

use std::sync::atomic::Ordering;

use crate::agent::Agent;
use crate::arch;
use crate::code::{CodeInfo, registry};
use crate::failure::{Backtrace, Frame};
use crate::traps::enter::Activation;

/// A frame of machine code.
pub(super) struct NativeFrame<'a> {
    /// What is known about its code.
    pub(super) code: &'a CodeInfo,
    /// Where it stands: the faulting instruction in the first frame after a fault, else the return address of its call.
    pub(super) pc: usize,
    pub(super) fp: usize,
    /// Whether `pc` is a return address.
    pub(super) at_call: bool,
    pub(super) activation: u32,
}

/// Visits the frames of machine code on the stack, innermost first, until the visitor says to stop.
///
/// `at` is the instruction and frame pointer of a fault; without it the walk starts where wasm last called out.
pub(super) fn walk(agent: &Agent, at: Option<(usize, usize)>, visit: &mut dyn FnMut(NativeFrame<'_>) -> bool) {
    let vm = agent.vm();
    let mut activation = vm.activation.load(Ordering::Relaxed).cast_const().cast::<Activation>();
    let (mut pc, mut fp) = at.unwrap_or((vm.last_exit_pc.get(), vm.last_exit_fp.get()));
    let mut at_call = at.is_none();
    let mut number = 0;
    // SAFETY: activations are on the stack, linked, until their `enter` returns, which it has not.
    while let Some(current) = unsafe { activation.as_ref() } {
        // Nothing was called out of this activation when the frame pointer is 0.
        while fp != 0 && fp != current.resume.fp() {
            // The byte before a return address is part of the call.
            let Some(code) = registry::find(if at_call { pc - 1 } else { pc }) else { break };
            if !visit(NativeFrame { code: &code, pc, fp, at_call, activation: number }) {
                return;
            }
            // SAFETY: a frame of machine code between the activation's `enter` and here; all such code keeps frame pointers.
            (fp, pc) = unsafe { arch::caller(fp) };
            at_call = true;
        }
        (fp, pc) = current.exit;
        at_call = true;
        activation = current.prev;
        number += 1;
    }
}

/// Where on the native stack each activation began, innermost first.
pub(crate) fn activations(agent: &Agent) -> Vec<usize> {
    let mut addresses = Vec::new();
    let mut activation = agent.vm().activation.load(Ordering::Relaxed).cast_const().cast::<Activation>();
    // SAFETY: as in `walk`.
    while let Some(current) = unsafe { activation.as_ref() } {
        addresses.push(activation.addr());
        activation = current.prev;
    }
    addresses
}

/// The wasm frames on the stack, at most `limit`.
pub(crate) fn capture(agent: &Agent, at: Option<(usize, usize)>, limit: usize) -> Backtrace {
    let mut frames = Vec::new();
    if limit > 0 {
        walk(agent, at, &mut |frame| {
            let pc = if frame.at_call { frame.pc - 1 } else { frame.pc };
            if let Some((module, func)) = frame.code.function_at(pc)
                && let Some(module) = module.upgrade()
            {
                let wasm_offset = frame.code.wasm_offset_at(pc);
                frames.push(Frame { module, defined: func, wasm_offset, activation: frame.activation });
            }
            frames.len() < limit
        });
    }
    Backtrace { frames: frames.into() }
}
