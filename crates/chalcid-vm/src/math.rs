//! Arithmetic that code asks for where the CPU has no instruction for it.
//!
//! A NaN that comes in has to go out as an arithmetic one, with the highest bit of its payload set, as CPUs do it. The libraries of some systems
//! give a signalling NaN back as it is.

use chalcid_module::artifact::RelocationTarget;

macro_rules! rounding {
    ($($name:ident: $float:ty, $method:ident;)*) => {$(
        extern "C" fn $name(x: $float) -> $float {
            if x.is_nan() { x + x } else { x.$method() }
        }
    )*};
}

rounding! {
    ceil_f32: f32, ceil;
    ceil_f64: f64, ceil;
    floor_f32: f32, floor;
    floor_f64: f64, floor;
    trunc_f32: f32, trunc;
    trunc_f64: f64, trunc;
    nearest_f32: f32, round_ties_even;
    nearest_f64: f64, round_ties_even;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_specification() {
        assert_eq!(nearest_f64(0.5).to_bits(), 0.0_f64.to_bits());
        assert_eq!(nearest_f64(-0.5).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(nearest_f64(2.5), 2.0);
        assert_eq!(nearest_f32(-3.5), -4.0);
        assert_eq!(nearest_f64(4_503_599_627_370_497.5), 4_503_599_627_370_498.0);
        assert_eq!(ceil_f32(-0.25).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(floor_f32(0.25).to_bits(), 0);
        assert_eq!(trunc_f64(-0.75).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(trunc_f32(f32::NEG_INFINITY), f32::NEG_INFINITY);
    }

    #[test]
    fn signalling_nans_become_quiet() {
        let f32s = [ceil_f32, floor_f32, trunc_f32, nearest_f32];
        for round in f32s {
            let result = round(std::hint::black_box(f32::from_bits(0x7fa0_0000)));
            assert_eq!(result.to_bits() & 0x7fc0_0000, 0x7fc0_0000);
        }
        let f64s = [ceil_f64, floor_f64, trunc_f64, nearest_f64];
        for round in f64s {
            let result = round(std::hint::black_box(f64::from_bits(0xfff4_0000_0000_0000)));
            assert_eq!(result.to_bits() & 0x7ff8_0000_0000_0000, 0x7ff8_0000_0000_0000);
        }
        assert!(fma_f32(f32::NAN, 1.0, 1.0).is_nan() && fma_f64(1.0, f64::NAN, 1.0).is_nan());
    }
}
