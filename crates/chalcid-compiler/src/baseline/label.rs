//! Labels, and the jumps to them.
//!
//! The four bytes of a jump to a label that is not bound hold the place of the jump before it to the same label.

use super::asm::{Asm, Cc};

/// A place in the code that jumps go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label(pub u32);

#[derive(Clone, Copy)]
pub(super) struct LabelState {
    /// Where it is bound, or `NOWHERE`.
    pub position: u32,
    /// The last jump to it that waits for that, or `NOWHERE`.
    pub waiting: u32,
}

pub(super) const NOWHERE: u32 = u32::MAX;

/// A short jump forward, to be bound soon.
#[must_use]
pub(super) struct ShortJump(usize);

impl Asm {
    /// A label that is not bound yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(LabelState { position: NOWHERE, waiting: NOWHERE });
        Label(self.labels.len() as u32 - 1)
    }

    /// A label here.
    pub fn label_here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    /// Where a label is bound.
    pub fn position(&self, label: Label) -> u32 {
        self.labels[label.0 as usize].position
    }

    /// Binds a label here.
    pub fn bind(&mut self, label: Label) {
        let here = self.pos();
        let state = &mut self.labels[label.0 as usize];
        state.position = here;
        let mut place = std::mem::replace(&mut state.waiting, NOWHERE);
        while place != NOWHERE {
            let next = self.word_at(place);
            self.patch4(place, here.wrapping_sub(place + 4));
            place = next;
        }
    }

    /// Jumps.
    pub fn jmp(&mut self, label: Label) {
        let position = self.labels[label.0 as usize].position;
        if position != NOWHERE {
            let distance = position as i64 - (self.pos as i64 + 2);
            if distance >= -128 {
                return self.put(0xeb | (distance as u8 as u64) << 8, 2);
            }
        }
        self.put1(0xe9);
        self.put_target(label);
    }

    /// Jumps on a condition.
    pub fn jcc(&mut self, cc: Cc, label: Label) {
        let position = self.labels[label.0 as usize].position;
        if position != NOWHERE {
            let distance = position as i64 - (self.pos as i64 + 2);
            if distance >= -128 {
                return self.put(0x70 | cc as u64 | (distance as u8 as u64) << 8, 2);
            }
        }
        self.put(0x800f | (cc as u64) << 8, 2);
        self.put_target(label);
    }

    fn put_target(&mut self, label: Label) {
        let here = self.pos();
        let state = &mut self.labels[label.0 as usize];
        if state.position != NOWHERE {
            let distance = state.position.wrapping_sub(here + 4);
            return self.put4(distance);
        }
        let before = std::mem::replace(&mut state.waiting, here);
        self.put4(before);
    }

    /// A short jump forward on a condition.
    pub fn short_jcc(&mut self, cc: Cc) -> ShortJump {
        self.put(0x70 | cc as u64, 2);
        ShortJump(self.pos)
    }

    /// A short jump forward.
    pub fn short_jmp(&mut self) -> ShortJump {
        self.put(0xeb, 2);
        ShortJump(self.pos)
    }

    /// Binds a short jump, at most 127 bytes behind it.
    pub fn bind_short(&mut self, jump: ShortJump) {
        let distance = self.pos - jump.0;
        debug_assert!(distance < 128, "short jump over {distance} bytes");
        self.buf[jump.0 - 1] = distance as u8;
    }
}
