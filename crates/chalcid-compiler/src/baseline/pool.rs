//! The pool of constants behind the code, tables of branches among them; and the end of the code.

use super::asm::{Asm, CACHE};
use super::label::{Label, NOWHERE};
use super::reg::{Mem, RIP};

impl Asm {
    /// A constant of 4, 8 or 16 bytes.
    pub fn constant(&mut self, bits: u128, size: u8) -> Mem {
        let hash = (bits as u64 ^ (bits >> 64) as u64 ^ u64::from(size)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = &mut self.known[(hash >> 58) as usize % CACHE];
        if (place.0, place.1) != (bits, size) {
            let start = self.pool.len().next_multiple_of(size.into());
            self.pool.resize(start, 0);
            self.pool.extend_from_slice(&bits.to_le_bytes()[..size.into()]);
            *place = (bits, size, start as u32);
        }
        Mem { base: RIP, index: Mem::NO_INDEX, scale: 0, disp: place.2 as i32 }
    }

    /// A table of so many words in the pool, to be filled with the distances of labels from its start.
    pub fn table(&mut self, labels: impl Iterator<Item = Label>) -> Mem {
        let start = self.pool.len().next_multiple_of(4);
        self.pool.resize(start, 0);
        for label in labels {
            self.tables.push((self.pool.len() as u32, label));
            self.pool.extend_from_slice(&(start as u32).to_le_bytes());
        }
        Mem { base: RIP, index: Mem::NO_INDEX, scale: 0, disp: start as i32 }
    }

    /// Ends the code: every label that was used must be bound.
    pub fn finish(&mut self) -> Vec<u8> {
        debug_assert!(self.labels.iter().all(|label| label.waiting == NOWHERE), "a jump to nowhere");
        if self.pool.is_empty() {
            return self.buf[..self.pos].to_vec();
        }
        let start = self.pos.next_multiple_of(16) as u32;
        for (place, label) in std::mem::take(&mut self.tables) {
            let place = place as usize;
            let mut word = [0; 4];
            word.copy_from_slice(&self.pool[place..place + 4]);
            let table = start + u32::from_le_bytes(word);
            let distance = self.labels[label.0 as usize].position.wrapping_sub(table);
            self.pool[place..place + 4].copy_from_slice(&distance.to_le_bytes());
        }
        for (place, offset) in std::mem::take(&mut self.pool_uses) {
            self.patch4(place, (start + offset).wrapping_sub(place + 4));
        }
        let mut code = Vec::with_capacity(start as usize + self.pool.len());
        code.extend_from_slice(&self.buf[..self.pos]);
        code.resize(start as usize, 0xcc);
        code.extend_from_slice(&self.pool);
        code
    }
}
