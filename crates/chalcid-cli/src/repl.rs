//! The prompt.

use std::rc::Rc;

use crate::runtime::Shell;

/// Reads, evaluates and prints until the input ends.
pub fn run(shell: &Rc<Shell>) {
    shell.turn_until_idle();
}
