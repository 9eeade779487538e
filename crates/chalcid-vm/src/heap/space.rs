//! The memory of objects: address space, blocks and lines.
//!
//! ```text
//! address space   guard │ block 0: never accessible │ block 1 │ block 2 │ … committed │ reserved … 4 GiB │ guard
//! block           256 lines of 128 bytes: small objects, or part of one large object
//! hole            free lines in a row: objects are put into it one after another
//! ```
//!
//! Offsets are relative to the base, 32 bits wide. Code adds constant offsets to a reference, at most the size of the largest structure; the
//! guards catch what a corrupt reference makes of that.
//!
//! # Invariants
//! - All access from Rust goes through [`Space`]'s methods, which check every offset against what is committed. So whatever the bytes of the heap are,
//!   nothing here reads or writes outside of it.
//! - A block is *free*, *in use*, or part of a *large object*. The lines of a block that were marked by the last collection stay as they are until
//!   the next; all others may be handed out, each once.
//! - What is handed out is zero.

use std::ops::Range;

use crate::sys::mapping::Reservation;

/// Bytes of a block.
pub(super) const BLOCK: u32 = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 15;
/// Bytes of a line.
pub(super) const LINE: u32 = 1 << LINE_BITS;
const LINE_BITS: u32 = 7;
/// Lines of a block.
const LINES: u32 = BLOCK / LINE;
/// Blocks that 32 bits reach, but for the last, whose end they do not.
const MOST_BLOCKS: u32 = (1 << (32 - BLOCK_BITS)) - 1;
/// Inaccessible bytes before and behind.
const GUARD: usize = 1 << 20;
/// A block with fewer free lines is not looked at for holes.
const FEWEST_LINES: u32 = 16;
/// Bytes of address space.
const RESERVED: usize = (1 << 32) + 2 * GUARD;
/// Blocks that are made accessible at a time, at least.
const COMMIT_STEP: u32 = 32;
/// What freed memory is filled with where faults of the collector are looked for.
const POISON: u8 = 0xd9;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Free,
    /// Holds objects, and holes between them.
    Used,
    /// Begins a large object of this many blocks.
    Large(u32),
    /// Goes on with a large object.
    LargeRest,
}

pub(super) struct Block {
    pub(super) state: State,
    /// Whether its bytes are known to be zero.
    clean: bool,
    /// First object that is marked and not scanned yet: its offset in the block in units of eight bytes, plus 1; 0 for none.
    pub(super) grey: u16,
    /// Next block with such objects.
    pub(super) next_grey: u32,
    /// Marked lines, one bit each; the lowest for a large object.
    lines: [u64; 4],
}

/// The memory.
pub(super) struct Space {
    memory: Reservation,
    /// All accessible blocks by their number; the first is a placeholder.
    blocks: Vec<Block>,
    free: FreeBlocks,
    /// Blocks with holes that were not looked at since the last collection.
    recyclable: Vec<u32>,
    /// A block that holes are taken from, and the line to go on at.
    scanned: Option<(u32, u32)>,
    /// Where larger objects go that the hole is too small for.
    overflow: Range<u32>,
    limit: u32,
    /// Bytes handed out since the last collection.
    allocated: u64,
    poison: bool,
}

/// Whether an address lies in the reservation of a heap with this base, guards included. For signal handlers.
pub(crate) fn space_contains(base: *const u8, address: usize) -> bool {
    !base.is_null() && address.wrapping_sub((base as usize).wrapping_sub(GUARD)) < RESERVED
}

impl Space {
    /// Reserves the address space. `limit` is in bytes.
    pub(super) fn new(limit: u64, poison: bool) -> Option<Self> {
        let memory = Reservation::new(RESERVED).ok()?;
        let limit = u32::try_from(limit >> BLOCK_BITS).unwrap_or(u32::MAX).min(MOST_BLOCKS - 1);
        let placeholder = Block { state: State::LargeRest, clean: true, grey: 0, next_grey: 0, lines: [0; 4] };
        Some(Self {
            memory,
            blocks: vec![placeholder],
            free: FreeBlocks::default(),
            recyclable: Vec::new(),
            scanned: None,
            overflow: 0..0,
            limit,
            allocated: 0,
            poison,
        })
    }

    /// Where offset 0 lies.
    pub(super) fn base(&self) -> *mut u8 {
        self.memory.start().wrapping_add(GUARD)
    }

    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Bytes of blocks that are not free.
    pub(super) fn used(&self) -> u64 {
        u64::from(self.used_blocks()) << BLOCK_BITS
    }

    /// Bytes that blocks may take at most.
    pub(super) fn limit(&self) -> u64 {
        u64::from(self.limit) << BLOCK_BITS
    }

    fn used_blocks(&self) -> u32 {
        self.blocks.len() as u32 - 1 - self.free.count
    }

    // Access.

    /// The address of a range, if it is accessible.
    fn at(&self, offset: u32, len: u32) -> Option<*mut u8> {
        let end = u64::from(offset) + u64::from(len);
        let accessible = offset >= BLOCK && end <= (self.blocks.len() as u64) << BLOCK_BITS;
        accessible.then(|| self.base().wrapping_add(offset as usize))
    }

    /// The bits at an offset; 0 outside of the heap.
    pub(super) fn read<const N: usize>(&self, offset: u32) -> [u8; N] {
        match self.at(offset, N as u32) {
            // SAFETY: the range is accessible memory, which only this thread uses, and no reference to it exists.
            Some(place) => unsafe { place.cast::<[u8; N]>().read() },
            None => [0; N],
        }
    }

    pub(super) fn read_u32(&self, offset: u32) -> u32 {
        u32::from_le_bytes(self.read(offset))
    }

    /// Writes bytes; does nothing outside of the heap.
    pub(super) fn write(&mut self, offset: u32, bytes: &[u8]) {
        let Ok(len) = u32::try_from(bytes.len()) else { return };
        if let Some(place) = self.at(offset, len) {
            // SAFETY: the range is accessible memory, which no reference exists to: `bytes` is apart from it.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) }
        }
    }

    /// Fills a range with copies of a pattern.
    pub(super) fn fill(&mut self, offset: u32, pattern: &[u8], times: u32) {
        let Some(len) = (pattern.len() as u32).checked_mul(times) else { return };
        let Some(place) = self.at(offset, len) else { return };
        if let [byte] = pattern {
            // SAFETY: the range is accessible memory, which only this thread uses.
            unsafe { place.write_bytes(*byte, len as usize) }
        } else {
            for index in 0..times as usize {
                let place = place.wrapping_add(index * pattern.len());
                // SAFETY: within the range; the pattern is apart from it, as in `write`.
                unsafe { std::ptr::copy_nonoverlapping(pattern.as_ptr(), place, pattern.len()) }
            }
        }
    }

    /// Copies a range; source and target may overlap.
    pub(super) fn copy(&mut self, to: u32, from: u32, len: u32) {
        if let (Some(to), Some(from)) = (self.at(to, len), self.at(from, len)) {
            // SAFETY: both ranges are accessible memory; `copy` allows them to overlap.
            unsafe { std::ptr::copy(from, to, len as usize) }
        }
    }

    // Allocation.

    /// The next hole in which an object of at most a line may begin.
    pub(super) fn hole(&mut self, size: u32) -> Option<Range<u32>> {
        loop {
            if let Some((block, line)) = self.scanned {
                self.scanned = None;
                if let Some(lines) = self.blocks[block as usize].free_lines(line) {
                    self.scanned = Some((block, lines.end));
                    let start = block << BLOCK_BITS;
                    let hole = start + lines.start * LINE..start + lines.end * LINE;
                    if hole.end - hole.start < size {
                        continue;
                    }
                    self.clear(hole.clone());
                    self.allocated += u64::from(hole.end - hole.start);
                    return Some(hole);
                }
            } else if let Some(block) = self.recyclable.pop() {
                self.scanned = Some((block, 0));
            } else {
                return self.fresh_block();
            }
        }
    }

    /// Room for an object that is larger than a line and not larger than half a block.
    pub(super) fn medium(&mut self, size: u32) -> Option<u32> {
        if self.overflow.end - self.overflow.start < size {
            self.overflow = match self.fresh_block() {
                Some(block) => block,
                None => self.hole(size)?,
            };
        }
        let place = self.overflow.start;
        self.overflow.start += size;
        Some(place)
    }

    /// Room for a large object.
    pub(super) fn large(&mut self, size: u32) -> Option<u32> {
        let count = size.div_ceil(BLOCK);
        if self.limit.saturating_sub(self.used_blocks()) < count {
            return None;
        }
        let first = match self.free.find(count) {
            Some(first) => first,
            None => {
                self.commit(count)?;
                self.free.find(count)?
            }
        };
        for block in first..first + count {
            self.take(block, if block == first { State::Large(count) } else { State::LargeRest });
        }
        self.allocated += u64::from(count) << BLOCK_BITS;
        Some(first << BLOCK_BITS)
    }

    fn fresh_block(&mut self) -> Option<Range<u32>> {
        if self.used_blocks() >= self.limit {
            return None;
        }
        let block = match self.free.find(1) {
            Some(block) => block,
            None => {
                self.commit(1)?;
                self.free.find(1)?
            }
        };
        self.take(block, State::Used);
        self.allocated += u64::from(BLOCK);
        let start = block << BLOCK_BITS;
        Some(start..start + BLOCK)
    }

    /// Takes a free block into use, zeroed.
    fn take(&mut self, number: u32, state: State) {
        self.free.remove(number);
        let block = &mut self.blocks[number as usize];
        (block.state, block.lines, block.grey) = (state, [0; 4], 0);
        if !std::mem::replace(&mut block.clean, false) {
            let start = number << BLOCK_BITS;
            self.zero(start, BLOCK);
        }
    }

    fn clear(&mut self, range: Range<u32>) {
        self.zero(range.start, range.end - range.start);
    }

    fn zero(&mut self, offset: u32, len: u32) {
        if let Some(place) = self.at(offset, len) {
            // SAFETY: the range is accessible memory, which only this thread uses.
            unsafe { place.write_bytes(0, len as usize) }
        }
    }

    /// Makes more blocks accessible, so many that a large object of `count` fits behind all others.
    fn commit(&mut self, count: u32) -> Option<()> {
        let before = self.blocks.len() as u32;
        let room = MOST_BLOCKS - before;
        if room < count {
            return None;
        }
        let wanted = count.max(COMMIT_STEP).max(before / 8).min(room);
        self.commit_exactly(before, wanted).or_else(|| self.commit_exactly(before, count))
    }

    fn commit_exactly(&mut self, before: u32, count: u32) -> Option<()> {
        self.blocks.try_reserve(count as usize).ok()?;
        self.free.reserve(before + count)?;
        let (start, len) = ((before as usize) << BLOCK_BITS, (count as usize) << BLOCK_BITS);
        self.memory.commit(GUARD + start, len).ok()?;
        for number in before..before + count {
            self.blocks.push(Block { state: State::Free, clean: true, grey: 0, next_grey: 0, lines: [0; 4] });
            self.free.insert(number);
        }
        Some(())
    }

    // Collection.

    pub(super) fn block_of(&mut self, reference: u32) -> &mut Block {
        // Blocks that are not accessible stand for themselves as the placeholder does: no object is in them.
        let number = (reference >> BLOCK_BITS) as usize;
        let number = if number < self.blocks.len() { number } else { 0 };
        &mut self.blocks[number]
    }

    /// Forgets all marks and holes.
    pub(super) fn begin_marking(&mut self) {
        self.recyclable.clear();
        self.scanned = None;
        self.overflow = 0..0;
        for block in &mut self.blocks {
            (block.lines, block.grey) = ([0; 4], 0);
        }
    }

    /// Marks the lines of an object that lies within its block.
    pub(super) fn mark_lines(&mut self, reference: u32, size: u32) {
        let block = self.block_of(reference);
        if let State::Large(_) = block.state {
            block.lines[0] = 1;
            return;
        }
        let start = reference & (BLOCK - 1);
        let (first, last) = (start >> LINE_BITS, ((start + size - 1) >> LINE_BITS).min(LINES - 1));
        for line in first..=last {
            block.lines[(line / 64) as usize] |= 1 << (line % 64);
        }
    }

    /// Frees every line and large object that is not marked; returns the bytes of all others.
    pub(super) fn sweep(&mut self) -> u64 {
        let mut live = 0;
        let mut number = self.blocks.len() as u32;
        // From the end, so that holes are taken from the lowest block first.
        while number > 1 {
            number -= 1;
            let block = &self.blocks[number as usize];
            let marked: u32 = block.lines.iter().map(|lines| lines.count_ones()).sum();
            match block.state {
                State::Free | State::LargeRest => {}
                State::Used if marked == 0 => self.release(number, 1),
                State::Used => {
                    live += u64::from(marked) << LINE_BITS;
                    if LINES - marked >= FEWEST_LINES {
                        // The list had room for all blocks, or goes without this one.
                        if self.recyclable.try_reserve(1).is_ok() {
                            self.recyclable.push(number);
                        }
                    }
                    if self.poison {
                        self.poison_holes(number);
                    }
                }
                State::Large(count) if marked == 0 => self.release(number, count),
                State::Large(count) => live += u64::from(count) << BLOCK_BITS,
            }
        }
        self.allocated = 0;
        live
    }

    fn release(&mut self, first: u32, count: u32) {
        for number in first..first + count {
            self.blocks[number as usize].state = State::Free;
            self.free.insert(number);
        }
        if self.poison {
            for number in first..first + count {
                self.fill(number << BLOCK_BITS, &[POISON], BLOCK);
            }
        }
    }

    fn poison_holes(&mut self, number: u32) {
        let mut line = 0;
        while let Some(hole) = self.blocks[number as usize].free_lines(line) {
            line = hole.end;
            self.fill((number << BLOCK_BITS) + hole.start * LINE, &[POISON], (hole.end - hole.start) * LINE);
        }
    }

    /// Gives free memory back to the system, except for so many bytes.
    pub(super) fn trim(&mut self, keep: u64) {
        let mut kept = 0;
        let mut run = None;
        for number in 1..=self.blocks.len() as u32 {
            let dirty =
                self.blocks.get(number as usize).is_some_and(|block| block.state == State::Free && !block.clean);
            match run {
                // The lowest blocks are used again first.
                None if dirty && kept < keep => kept += u64::from(BLOCK),
                None if dirty => run = Some(number),
                Some(first) if !dirty => {
                    run = None;
                    let (start, len) = ((first as usize) << BLOCK_BITS, ((number - first) as usize) << BLOCK_BITS);
                    if self.memory.discard(GUARD + start, len).is_ok() {
                        for block in &mut self.blocks[first as usize..number as usize] {
                            block.clean = true;
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

impl Block {
    /// The next lines in a row that are not marked.
    fn free_lines(&self, from: u32) -> Option<Range<u32>> {
        let is_marked = |line: u32| self.lines[(line / 64) as usize] >> (line % 64) & 1 == 1;
        let start = (from..LINES).find(|&line| !is_marked(line))?;
        let end = (start..LINES).find(|&line| is_marked(line)).unwrap_or(LINES);
        Some(start..end)
    }
}

/// Which blocks are free.
#[derive(Default)]
struct FreeBlocks {
    words: Vec<u64>,
    count: u32,
    /// No block below is free.
    lowest: u32,
}

impl FreeBlocks {
    fn reserve(&mut self, blocks: u32) -> Option<()> {
        let words = blocks.div_ceil(64) as usize;
        if words > self.words.len() {
            self.words.try_reserve(words - self.words.len()).ok()?;
            self.words.resize(words, 0);
        }
        Some(())
    }

    fn insert(&mut self, block: u32) {
        self.words[(block / 64) as usize] |= 1 << (block % 64);
        self.count += 1;
        self.lowest = self.lowest.min(block);
    }

    fn remove(&mut self, block: u32) {
        self.words[(block / 64) as usize] &= !(1 << (block % 64));
        self.count -= 1;
        if block == self.lowest {
            self.lowest += 1;
        }
    }

    /// The lowest so many free blocks in a row.
    fn find(&mut self, count: u32) -> Option<u32> {
        let mut run = 0;
        let mut block = self.lowest;
        let end = self.words.len() as u32 * 64;
        let mut met = false;
        while block < end {
            let word = self.words[(block / 64) as usize] >> (block % 64);
            if word == 0 {
                run = 0;
                block = (block / 64 + 1) * 64;
                continue;
            }
            let skipped = word.trailing_zeros();
            if skipped > 0 {
                run = 0;
                block += skipped;
            }
            if !met {
                met = true;
                self.lowest = block;
            }
            let free = (word >> skipped).trailing_ones();
            run += free;
            block += free;
            if run >= count {
                return Some(block - run);
            }
        }
        if !met {
            self.lowest = end;
        }
        None
    }
}
