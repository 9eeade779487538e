//! Arithmetic that code asks for where the CPU has no instruction for it.

use chalcid_module::artifact::RelocationTarget;

extern "C" fn ceil_f32(x: f32) -> f32 {
    x.ceil()
}

extern "C" fn ceil_f64(x: f64) -> f64 {
    x.ceil()
}

extern "C" fn floor_f32(x: f32) -> f32 {
    x.floor()
}

extern "C" fn floor_f64(x: f64) -> f64 {
    x.floor()
}

extern "C" fn trunc_f32(x: f32) -> f32 {
    x.trunc()
}

extern "C" fn trunc_f64(x: f64) -> f64 {
    x.trunc()
}

extern "C" fn nearest_f32(x: f32) -> f32 {
    x.round_ties_even()
}

extern "C" fn nearest_f64(x: f64) -> f64 {
    x.round_ties_even()
}

extern "C" fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

extern "C" fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

/// The address of a function.
pub(crate) fn address(target: RelocationTarget) -> usize {
    match target {
        RelocationTarget::CeilF32 => ceil_f32 as *const () as usize,
        RelocationTarget::CeilF64 => ceil_f64 as *const () as usize,
        RelocationTarget::FloorF32 => floor_f32 as *const () as usize,
        RelocationTarget::FloorF64 => floor_f64 as *const () as usize,
        RelocationTarget::TruncF32 => trunc_f32 as *const () as usize,
        RelocationTarget::TruncF64 => trunc_f64 as *const () as usize,
        RelocationTarget::NearestF32 => nearest_f32 as *const () as usize,
        RelocationTarget::NearestF64 => nearest_f64 as *const () as usize,
        RelocationTarget::FmaF32 => fma_f32 as *const () as usize,
        RelocationTarget::FmaF64 => fma_f64 as *const () as usize,
        RelocationTarget::X86Pshufb => crate::arch::PSHUFB as usize,
    }
}
