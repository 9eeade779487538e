//! What the CPU can do beyond the base of x86-64.

use cranelift_codegen::isa::TargetIsa;

/// Extensions that the code may use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuFeatures {
    /// SSSE3, SSE4.1 and SSE4.2: all that vectors and rounding need.
    pub sse42: bool,
    pub popcnt: bool,
    pub lzcnt: bool,
    pub bmi1: bool,
    pub bmi2: bool,
    pub fma: bool,
}

impl CpuFeatures {
    /// Those that the settings of the code generator name, so that both tiers agree.
    pub fn of(isa: &dyn TargetIsa) -> Self {
        let flags = isa.isa_flags();
        let has = |name: &str| flags.iter().any(|flag| flag.name == name && flag.as_bool() == Some(true));
        Self {
            sse42: has("has_ssse3") && has("has_sse41") && has("has_sse42"),
            popcnt: has("has_popcnt"),
            lzcnt: has("has_lzcnt"),
            bmi1: has("has_bmi1"),
            bmi2: has("has_bmi2"),
            fma: isa.has_native_fma(),
        }
    }
}
