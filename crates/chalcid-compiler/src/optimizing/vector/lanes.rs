//! Moving lanes: splat, extract, replace, shuffle, swizzle.

use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, types};
use wasmparser::Operator;

use crate::optimizing::translator::FuncTranslator;

/// Translates the instruction if it is one of these.
pub(super) fn translate(t: &mut FuncTranslator<'_>, op: &Operator<'_>) -> bool {
    use Operator as Op;
    use types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
    match op {
        Op::I8x16Splat => splat(t, I8X16),
        Op::I16x8Splat => splat(t, I16X8),
        Op::I32x4Splat => splat(t, I32X4),
        Op::I64x2Splat => splat(t, I64X2),
        Op::F32x4Splat => splat(t, F32X4),
        Op::F64x2Splat => splat(t, F64X2),

        Op::I8x16ExtractLaneS { lane } => {
            extract(t, I8X16, *lane);
            t.unary(|ins, x| ins.sextend(I32, x));
        }
        Op::I8x16ExtractLaneU { lane } => {
            extract(t, I8X16, *lane);
            t.unary(|ins, x| ins.uextend(I32, x));
        }
        Op::I16x8ExtractLaneS { lane } => {
            extract(t, I16X8, *lane);
            t.unary(|ins, x| ins.sextend(I32, x));
        }
        Op::I16x8ExtractLaneU { lane } => {
            extract(t, I16X8, *lane);
            t.unary(|ins, x| ins.uextend(I32, x));
        }
        Op::I32x4ExtractLane { lane } => extract(t, I32X4, *lane),
        Op::I64x2ExtractLane { lane } => extract(t, I64X2, *lane),
        Op::F32x4ExtractLane { lane } => extract(t, F32X4, *lane),
        Op::F64x2ExtractLane { lane } => extract(t, F64X2, *lane),

        Op::I8x16ReplaceLane { lane } => replace(t, I8X16, *lane),
        Op::I16x8ReplaceLane { lane } => replace(t, I16X8, *lane),
        Op::I32x4ReplaceLane { lane } => replace(t, I32X4, *lane),
        Op::I64x2ReplaceLane { lane } => replace(t, I64X2, *lane),
        Op::F32x4ReplaceLane { lane } => replace(t, F32X4, *lane),
        Op::F64x2ReplaceLane { lane } => replace(t, F64X2, *lane),

        Op::I8x16Shuffle { lanes } => {
            let mask = t.builder.func.dfg.immediates.push(ConstantData::from(&lanes[..]));
            t.binary(|ins, x, y| ins.shuffle(x, y, mask));
        }
        Op::I8x16Swizzle => t.binary(|ins, x, indices| ins.swizzle(x, indices)),
        _ => return false,
    }
    true
}

/// Narrows the `i32` on top of the stack where lanes are narrower.
fn narrow(t: &mut FuncTranslator<'_>, lanes: Type) {
    let lane = lanes.lane_type();
    if lane == types::I8 || lane == types::I16 {
        t.unary(|ins, x| ins.ireduce(lane, x));
    }
}

fn splat(t: &mut FuncTranslator<'_>, lanes: Type) {
    narrow(t, lanes);
    let x = t.pop();
    let result = t.ins().splat(lanes, x);
    t.push_vector(result);
}

fn extract(t: &mut FuncTranslator<'_>, lanes: Type, lane: u8) {
    let vector = t.pop_vector(lanes);
    let result = t.ins().extractlane(vector, lane);
    t.push(result);
}

fn replace(t: &mut FuncTranslator<'_>, lanes: Type, lane: u8) {
    narrow(t, lanes);
    let x = t.pop();
    let vector = t.pop_vector(lanes);
    let result = t.ins().insertlane(vector, x, lane);
    t.push_vector(result);
}
