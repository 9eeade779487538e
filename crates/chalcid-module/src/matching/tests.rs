//! Matching of types, by the rules of the specification.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::canonical::CanonicalTypes;
use crate::decode_and_validate;
use crate::features::Features;
use crate::index::TypeIdx;

const ABSTRACT: [AbsHeapType; 12] = {
    use AbsHeapType::*;
    [Func, NoFunc, Extern, NoExtern, Any, Eq, I31, Struct, Array, None, Exn, NoExn]
};

#[test]
fn abstract_heap_types_form_four_lattices() {
    use AbsHeapType::*;
    let below = |sup| ABSTRACT.into_iter().filter(|&sub| match_abs_heap_type(sub, sup)).collect::<Vec<_>>();
    assert_eq!(below(Func), [Func, NoFunc]);
    assert_eq!(below(Extern), [Extern, NoExtern]);
    assert_eq!(below(Exn), [Exn, NoExn]);
    assert_eq!(below(Any), [Any, Eq, I31, Struct, Array, None]);
    assert_eq!(below(Eq), [Eq, I31, Struct, Array, None]);
    assert_eq!(below(I31), [I31, None]);
    assert_eq!(below(Struct), [Struct, None]);
    assert_eq!(below(Array), [Array, None]);
    for bottom in [NoFunc, NoExtern, None, NoExn] {
        assert_eq!(below(bottom), [bottom]);
    }
}

#[test]
fn matching_is_reflexive_and_transitive() {
    for a in ABSTRACT {
        assert!(match_abs_heap_type(a, a));
        for b in ABSTRACT {
            for c in ABSTRACT {
                if match_abs_heap_type(a, b) && match_abs_heap_type(b, c) {
                    assert!(match_abs_heap_type(a, c), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }
}

#[test]
fn defined_types_of_a_module() {
    let text = "(module
        (type $s0 (sub (struct)))
        (type $s1 (sub $s0 (struct (field i32))))
        (type $s2 (sub $s1 (struct (field i32) (field i64))))
        (type $s1_again (sub $s0 (struct (field i32))))
        (type $f (func))
        (rec (type $g (func)) (type (struct)))
        (type $a (array i8)))";
    let module = decode_and_validate(&wat::parse_str(text).unwrap(), &Features::WASM3, None).unwrap();
    let types = CanonicalTypes::new(&module);
    let [s0, s1, s2, s1_again, f, g, _, a] = std::array::from_fn(|index| TypeIdx(index as u32));

    assert!(match_def_type(&types, s2, s0));
    assert!(!match_def_type(&types, s0, s2));
    assert!(match_def_type(&types, s2, s1_again), "the same type by another name");
    assert_eq!(types.first(s1_again), s1);
    assert!(!match_def_type(&types, f, g), "one of a larger recursion group is another type");

    let heap = |sub, sup| match_heap_type(&types, sub, sup);
    let (concrete, abs) = (HeapType::Concrete, HeapType::Abstract);
    assert!(heap(concrete(s2), abs(AbsHeapType::Struct)));
    assert!(heap(concrete(a), abs(AbsHeapType::Eq)));
    assert!(!heap(concrete(f), abs(AbsHeapType::Any)));
    assert!(heap(concrete(f), abs(AbsHeapType::Func)));
    assert!(heap(abs(AbsHeapType::None), concrete(a)));
    assert!(heap(abs(AbsHeapType::NoFunc), concrete(f)));
    assert!(!heap(abs(AbsHeapType::None), concrete(f)));
    assert!(!heap(abs(AbsHeapType::I31), concrete(s0)));

    let exact = HeapType::Exact;
    assert!(heap(exact(s2), concrete(s0)), "a type itself is one of those below it");
    assert!(heap(exact(s1_again), exact(s1)));
    assert!(!heap(exact(s2), exact(s0)));
    assert!(!heap(concrete(s2), exact(s2)), "the other way there may be subtypes");
    assert!(heap(exact(a), abs(AbsHeapType::Eq)));
    assert!(heap(abs(AbsHeapType::None), exact(a)));
    assert!(!heap(abs(AbsHeapType::NoFunc), exact(a)));

    let reference = |nullable, ty| RefType { nullable, heap: concrete(ty) };
    assert!(match_ref_type(&types, reference(false, s1), reference(true, s0)));
    assert!(!match_ref_type(&types, reference(true, s1), reference(false, s0)));
    let field = |mutable, ty| GlobalType { content: ValType::Ref(reference(true, ty)), mutable };
    assert!(match_global_type(&types, field(false, s1), field(false, s0)));
    assert!(!match_global_type(&types, field(true, s1), field(true, s0)), "it could be written through");
    assert!(match_global_type(&types, field(true, s1), field(true, s1_again)));
}

#[test]
fn limits_match_when_they_lie_within() {
    let limits = |min, max| Limits { min, max };
    assert!(match_limits(limits(2, Some(3)), limits(1, Some(3))));
    assert!(match_limits(limits(2, Some(3)), limits(2, None)));
    assert!(!match_limits(limits(0, Some(3)), limits(1, Some(3))));
    assert!(!match_limits(limits(1, None), limits(1, Some(3))));
    assert!(!match_limits(limits(1, Some(4)), limits(1, Some(3))));
}
