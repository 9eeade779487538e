//! The program of a seed.

use crate::random::Random;
use crate::{exports, objects, salt, smith};

/// What programs are about, which is also who can run them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// What Chalcid and V8 both have on by default.
    Common,
    /// Structures, arrays, casts and exceptions above all.
    Gc,
    /// The same, by a generator that keeps to the subject: see [`crate::objects`].
    Objects,
    /// What wasmi has: vectors and 128-bit arithmetic, too, whose values JavaScript cannot see.
    Core,
    /// Everything Chalcid has, for comparing it with itself.
    Everything,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Common, Self::Gc, Self::Objects, Self::Core, Self::Everything];

    /// The subject of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Gc => "gc",
            Self::Objects => "objects",
            Self::Core => "core",
            Self::Everything => "everything",
        }
    }

    /// Whether programs are made so that JavaScript can call and look at what they export.
    pub fn for_javascript(self) -> bool {
        matches!(self, Self::Common | Self::Gc | Self::Objects)
    }
}

/// The program of a seed; a few seeds give none.
pub fn generate(seed: u64, subject: Subject) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    // Everything is objects as made there, too.
    if subject == Subject::Objects || (subject == Subject::Everything && seed % 8 == 1) {
        return Some(objects::generate(&mut random, subject == Subject::Everything));
    }
    let len = 2_000 + random.number() as usize % 8_000;
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.number() as u8).take(len).collect();
    smith(subject, &bytes, &mut random)
}

/// The program of bytes that somebody else chooses, for a fuzzer that watches what they lead to.
pub fn from_bytes(bytes: &[u8], subject: Subject) -> Option<Vec<u8>> {
    let (seed, bytes) = bytes.split_first_chunk()?;
    smith(subject, bytes, &mut Random::new(u64::from_le_bytes(*seed)))
}

fn smith(subject: Subject, bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let (program, more) = smith::generate(subject, bytes, random)?;
    salt::rewrite(&exports::rewrite(&program)?, more, random)
}
