//! The proposals a module may use: one run-time switch each.
//!
//! A module that uses a proposal whose switch is off does not validate. Switches are named as in `features.json` of the
//! WebAssembly website, so that a command line, a configuration file and a table of features all say the same word.

use std::fmt;
use std::str::FromStr;

use wasmparser::WasmFeatures;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, phase $phase:literal, default $default:literal, $($flag:ident)|*;)*) => {
        /// A proposal that changes which modules are valid.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Feature { $($(#[$doc])* $variant),* }

        impl Feature {
            /// Every proposal.
            pub const ALL: &[Feature] = &[$(Feature::$variant),*];

            /// Its name in `features.json`.
            pub fn name(self) -> &'static str {
                match self { $(Feature::$variant => $name),* }
            }

            /// How far it is on its way into the standard; 5 is standardised, 0 inactive.
            pub fn phase(self) -> u8 {
                match self { $(Feature::$variant => $phase),* }
            }

            /// Whether it is on in [`Features::default`].
            pub fn on_by_default(self) -> bool {
                match self { $(Feature::$variant => $default),* }
            }

            /// The flags that the validating library knows it by.
            fn wasm_features(self) -> WasmFeatures {
                match self { $(Feature::$variant => WasmFeatures::empty()$(.union(WasmFeatures::$flag))*),* }
            }
        }
    };
}

features! {
    /// Import and export of mutable globals.
    MutableGlobals = "mutableGlobals", phase 5, default true, MUTABLE_GLOBAL;
    /// `i32.extend8_s` and its like.
    SignExtensions = "signExtensions", phase 5, default true, SIGN_EXTENSION;
    /// Conversions from floats that saturate instead of trapping.
    SaturatedFloatToInt = "saturatedFloatToInt", phase 5, default true, SATURATING_FLOAT_TO_INT;
    /// Several results, and parameters of blocks.
    MultiValue = "multiValue", phase 5, default true, MULTI_VALUE;
    /// `memory.copy`, `memory.fill`, passive segments.
    BulkMemory = "bulkMemory", phase 5, default true, BULK_MEMORY;
    /// `externref`, several tables, `table.get` and its like.
    ReferenceTypes = "referenceTypes", phase 5, default true, REFERENCE_TYPES | GC_TYPES;
    /// Vectors of 128 bits.
    Simd = "simd", phase 5, default true, SIMD;
    /// `return_call` and its like.
    TailCall = "tailCall", phase 5, default true, TAIL_CALL;
    /// Arithmetic in constant expressions.
    ExtendedConst = "extendedConst", phase 5, default true, EXTENDED_CONST;
    /// More than one memory.
    MultiMemory = "multiMemory", phase 5, default true, MULTI_MEMORY;
    /// Memories and tables with 64-bit addresses.
    Memory64 = "memory64", phase 5, default true, MEMORY64;
    /// Vector instructions whose results may differ between machines.
    RelaxedSimd = "relaxedSimd", phase 5, default true, RELAXED_SIMD;
    /// References to functions of a known type.
    TypedFunctionReferences = "typedFunctionReferences", phase 5, default true, FUNCTION_REFERENCES;
    /// Structures, arrays and the subtypes among them.
    Gc = "gc", phase 5, default true, GC | FUNCTION_REFERENCES;
    /// Exceptions with `try_table` and `exnref`.
    Exceptions = "exceptionsFinal", phase 5, default true, EXCEPTIONS;
    /// Exceptions with `try`, `catch` and `delegate`.
    LegacyExceptions = "exceptions", phase 0, default true, LEGACY_EXCEPTIONS | EXCEPTIONS;
    /// Shared memories and atomic instructions.
    Threads = "threads", phase 4, default true, THREADS;
    /// 128-bit addition, subtraction and multiplication.
    WideArithmetic = "wideArithmetic", phase 4, default true, WIDE_ARITHMETIC;
    /// Memories whose pages are one byte.
    CustomPageSizes = "customPageSizes", phase 3, default false, CUSTOM_PAGE_SIZES;
    /// A shorter binary form of imports.
    CompactImports = "compactImportSection", phase 3, default false, COMPACT_IMPORTS;
    /// Descriptors of structures and exact references.
    CustomDescriptors = "customDescriptors", phase 3, default false, CUSTOM_DESCRIPTORS;
    /// Continuations.
    StackSwitching = "stackSwitching", phase 3, default false, STACK_SWITCHING;
}

/// A set of proposals that are on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Features(u32);

impl Features {
    /// The first version of the standard, and nothing else.
    pub const WASM1: Features = Features(0).with(Feature::MutableGlobals);

    /// Version 2.0 of the standard.
    pub const WASM2: Features = Features::WASM1
        .with(Feature::SignExtensions)
        .with(Feature::SaturatedFloatToInt)
        .with(Feature::MultiValue)
        .with(Feature::BulkMemory)
        .with(Feature::ReferenceTypes)
        .with(Feature::Simd);

    /// Version 3.0 of the standard.
    pub const WASM3: Features = Features::WASM2
        .with(Feature::TailCall)
        .with(Feature::ExtendedConst)
        .with(Feature::MultiMemory)
        .with(Feature::Memory64)
        .with(Feature::RelaxedSimd)
        .with(Feature::TypedFunctionReferences)
        .with(Feature::Gc)
        .with(Feature::Exceptions);

    /// These proposals and one more.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature as u8)
    }

    /// These proposals without one.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(1 << feature as u8))
    }

    /// Whether a proposal is on.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u8 != 0
    }

    /// The proposals that are on.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |&feature| self.contains(feature))
    }

    /// The same set in the words of the validating library. Floating point is part of every version of the standard.
    pub fn to_wasmparser(self) -> WasmFeatures {
        self.iter().fold(WasmFeatures::FLOATS, |flags, feature| flags.union(feature.wasm_features()))
    }

    /// The proposal that a flag of the validating library stands for.
    pub(crate) fn from_wasmparser(flag: WasmFeatures) -> Option<Feature> {
        Feature::ALL.iter().copied().find(|feature| feature.wasm_features().contains(flag))
    }
}

impl Default for Features {
    fn default() -> Self {
        Feature::ALL.iter().filter(|feature| feature.on_by_default()).fold(Self(0), |set, &feature| set.with(feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<T: IntoIterator<Item = Feature>>(features: T) -> Self {
        features.into_iter().fold(Self(0), Self::with)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of no proposal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown feature `{0}`")]
pub struct UnknownFeature(pub String);

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Self, UnknownFeature> {
        Feature::ALL
            .iter()
            .copied()
            .find(|feature| feature.name() == name)
            .ok_or_else(|| UnknownFeature(name.to_owned()))
    }
}

/// Makes a set.
type MakeSet = fn() -> Features;

/// Named sets, to begin a list with.
const SETS: &[(&str, MakeSet)] = &[
    ("default", Features::default),
    ("none", || Features(0)),
    ("all", || Feature::ALL.iter().copied().collect()),
    ("wasm1", || Features::WASM1),
    ("wasm2", || Features::WASM2),
    ("wasm3", || Features::WASM3),
];

impl FromStr for Features {
    type Err = UnknownFeature;

    /// A list as on a command line: names separated by commas, each of which turns its proposal on, with `-` before it off. It starts
    /// from the defaults, or from the set that its first word names: `all`, `none`, `default`, `wasm1`, `wasm2`, `wasm3`.
    fn from_str(list: &str) -> Result<Self, UnknownFeature> {
        let mut words = list.split(',').map(str::trim).filter(|word| !word.is_empty()).peekable();
        let set = words.peek().and_then(|first| SETS.iter().find(|(name, _)| name == first));
        let mut features = match set {
            Some((_, set)) => {
                words.next();
                set()
            }
            None => Features::default(),
        };
        for word in words {
            features = match word.strip_prefix('-') {
                Some(name) => features.without(name.parse()?),
                None => features.with(word.strip_prefix('+').unwrap_or(word).parse()?),
            };
        }
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_start_from_the_defaults_or_a_set() {
        let parsed = |list: &str| list.parse::<Features>().unwrap();
        assert_eq!(parsed(""), Features::default());
        assert_eq!(
            parsed("+customPageSizes,-simd"),
            Features::default().with(Feature::CustomPageSizes).without(Feature::Simd)
        );
        assert_eq!(parsed("wasm1, threads"), Features::WASM1.with(Feature::Threads));
        assert_eq!(parsed("none,simd").iter().collect::<Vec<_>>(), [Feature::Simd]);
        assert!(parsed("all").contains(Feature::StackSwitching));
        assert_eq!("simd,all".parse::<Features>(), Err(UnknownFeature("all".into())));
    }

    #[test]
    fn names_are_unique_and_parse_back() {
        for &feature in Feature::ALL {
            assert_eq!(feature.name().parse::<Feature>().unwrap(), feature);
        }
        assert_eq!("floats".parse::<Feature>(), Err(UnknownFeature("floats".into())));
    }

    #[test]
    fn sets_are_sets() {
        let set = Features::WASM1.with(Feature::Threads);
        assert!(set.contains(Feature::Threads));
        assert!(!set.without(Feature::Threads).contains(Feature::Threads));
        assert_eq!(set.iter().collect::<Features>(), set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Feature::MutableGlobals, Feature::Threads]);
    }

    #[test]
    fn versions_mean_the_same_to_the_validating_library() {
        assert_eq!(Features::WASM2.to_wasmparser(), WasmFeatures::WASM2);
        // The library counts threads among version 3.0; the standard does not.
        assert_eq!(Features::WASM3.with(Feature::Threads).to_wasmparser(), WasmFeatures::WASM3);
    }

    #[test]
    fn a_flag_leads_back_to_its_proposal() {
        assert_eq!(Features::from_wasmparser(WasmFeatures::THREADS), Some(Feature::Threads));
        assert_eq!(
            Features::from_wasmparser(WasmFeatures::FUNCTION_REFERENCES),
            Some(Feature::TypedFunctionReferences)
        );
        assert_eq!(Features::from_wasmparser(WasmFeatures::FLOATS), None);
    }
}
