//! References that frames of wasm hold.

use crate::agent::Agent;
use crate::traps::backtrace;

/// Visits every reference in the frames of wasm on the stack, by the stack maps of the calls they stand at.
pub(crate) fn for_each_reference(agent: &Agent, visit: &mut dyn FnMut(u32)) {
    backtrace::walk(agent, None, &mut |frame| {
        if let Some(map) = frame.code.stack_map_at(frame.pc) {
            for &offset in &*map.references {
                let place = frame.fp.wrapping_add_signed(offset as isize);
                // SAFETY: the frame stands at the call that the map describes: at this place it keeps a live reference.
                visit(unsafe { (place as *const u32).read() });
            }
        }
        true
    });
}
