//! Pseudo-random numbers, the same on every machine.

/// A generator: the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts anew.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.rotate_left(23)
    }

    /// A number below a bound, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.number() >> 11) % bound
    }

    /// A number at an edge as often as not.
    pub fn edge(&mut self) -> u64 {
        match self.number() % 4 {
            0 => self.number(),
            1 => self.number() % 70_000,
            2 => 1 << (self.number() % 64),
            _ => u64::MAX << (self.number() % 64),
        }
    }
}
