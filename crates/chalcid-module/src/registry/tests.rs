//! Equal types have one identity, whatever module and thread they come from, and go when nobody holds them.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::decode_and_validate;
use crate::features::{Feature, Features};

fn module(text: &str) -> Declarations {
    decode_and_validate(&wat::parse_str(text).unwrap(), &Features::WASM3, None).unwrap()
}

fn func(params: &[ValType<DefTypeId>]) -> FuncType<DefTypeId> {
    FuncType { params: params.into(), results: Box::new([]) }
}

fn reference(id: DefTypeId) -> ValType<DefTypeId> {
    ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(id) })
}

#[test]
fn equal_groups_of_different_modules_are_one() {
    let registry = TypeRegistry::new();
    let a = registry.register_module(&module("(module (type (func (param i32))) (type (func)))")).unwrap();
    let b = registry
        .register_module(&module(
            "(module (type (func)) (rec (type (func)) (type (func))) (type (sub (func))) (type (func (param i32))))",
        ))
        .unwrap();
    assert_eq!(a.ids()[0], b.ids()[4]);
    assert_eq!(a.ids()[1], b.ids()[0]);
    assert_ne!(b.ids()[0], b.ids()[1], "one of a larger group is another type");
    assert_ne!(b.ids()[1], b.ids()[2], "so is the other");
    assert_ne!(b.ids()[0], b.ids()[3], "so is one that is not final");
    assert_eq!(registry.len(), 5);
    let host = registry.register_func(func(&[ValType::I32])).unwrap();
    assert_eq!(host.id(), a.ids()[0]);
}

#[test]
fn recursive_types_are_compared_by_structure() {
    let registry = TypeRegistry::new();
    let list = |node, data| {
        format!("(rec (type (struct (field (ref null {node})) (field (ref null {data})))) (type (array i8)))")
    };
    let a = registry.register_module(&module(&format!("(module {})", list(0, 1)))).unwrap();
    let text = format!("(module (type (func)) {} {})", list(1, 2), list(3, 4));
    let b = registry.register_module(&module(&text)).unwrap();
    assert_eq!(a.ids(), &b.ids()[1..3]);
    assert_eq!(a.ids(), &b.ids()[3..5]);
    let CompType::Struct(fields) = &registry.get(a.ids()[0]).unwrap().comp else { panic!("a structure") };
    assert_eq!(fields[0].storage, StorageType::Val(reference(a.ids()[0])));
    assert_eq!(fields[1].storage, StorageType::Val(reference(a.ids()[1])));
}

#[test]
fn a_reference_into_the_group_differs_from_one_to_an_equal_type_outside() {
    let registry = TypeRegistry::new();
    let types = registry
        .register_module(&module(
            "(module (type $a (struct (field (ref null $a)))) (type $b (struct (field (ref null $a)))))",
        ))
        .unwrap();
    assert_ne!(types.ids()[0], types.ids()[1]);
}

#[test]
fn subtypes_follow_declarations() {
    let registry = TypeRegistry::new();
    let types = registry
        .register_module(&module(
            "(module (type $a (sub (func))) (type $b (sub $a (func))) (type $c (sub final $b (func))) (type (func)))",
        ))
        .unwrap();
    let [a, b, c, other] = *types.ids() else { panic!("four types") };
    assert!(registry.is_subtype(c, a));
    assert!(!registry.is_subtype(a, c));
    assert!(!registry.is_subtype(other, a), "by declaration only");
    assert_eq!(registry.supertypes(c), [b, a]);
    assert!(registry.get(c).unwrap().is_final);
}

#[test]
fn types_go_with_the_last_that_needs_them() {
    let registry = TypeRegistry::new();
    let types = registry.register_module(&module("(module (type $a (func)) (type (func (param (ref $a)))))")).unwrap();
    let [a, b] = *types.ids() else { panic!("two types") };
    let kept = registry.retain(b).unwrap();
    drop(types);
    assert!(registry.get(a).is_some(), "another type refers to it");
    let again = kept.clone();
    drop(kept);
    assert!(registry.get(b).is_some());
    drop(again);
    assert!(registry.is_empty());
    assert!(registry.retain(a).is_err());
}

#[test]
fn an_identity_that_went_is_not_given_out_next() {
    let registry = TypeRegistry::new();
    let stale = registry.register_func(func(&[])).unwrap().id();
    let fresh = registry.register_func(func(&[ValType::I32])).unwrap();
    assert_ne!(stale, fresh.id());
    let error = registry.register_func(func(&[reference(stale)])).unwrap_err();
    assert_eq!(error, RegistryError::UnknownType);
    assert_eq!(registry.len(), 1, "a failed registration leaves nothing behind");
}

#[test]
fn identities_wrap_around_past_those_in_use() {
    let registry = TypeRegistry::new();
    let first = registry.register_func(func(&[])).unwrap();
    registry.write().next_type = (1 << 26) - 2;
    let last = registry.register_func(func(&[ValType::I32])).unwrap();
    assert_eq!(last.id(), DefTypeId((1 << 26) - 1));
    let next = registry.register_func(func(&[ValType::I64])).unwrap();
    assert_eq!((first.id(), next.id()), (DefTypeId(1), DefTypeId(2)));
}

#[test]
fn a_long_chain_of_groups_is_released() {
    let mut text = String::from("(module (type (func))");
    for index in 0..20_000 {
        text.push_str(&format!("(type (func (param (ref {index}))))"));
    }
    text.push(')');
    let registry = TypeRegistry::new();
    let types = registry.register_module(&module(&text)).unwrap();
    let last = registry.retain(types.ids()[20_000]).unwrap();
    drop(types);
    assert_eq!(registry.len(), 20_001);
    drop(last);
    assert!(registry.is_empty());
}

#[test]
fn threads_that_register_and_drop_agree() {
    let registry = TypeRegistry::new();
    let declarations = module("(module (type $a (func)) (rec (type (func (param (ref $a)))) (type (struct))))");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let a = registry.register_module(&declarations).unwrap();
                    let b = registry.register_module(&declarations).unwrap();
                    assert_eq!(a.ids(), b.ids());
                    let host = registry.register_func(func(&[reference(a.ids()[0])])).unwrap();
                    drop(a);
                    assert!(registry.get(host.id()).is_some());
                }
            });
        }
    });
    assert!(registry.is_empty());
}

#[test]
fn displays_name_every_supertype_and_go_with_the_type() {
    let registry = TypeRegistry::new();
    let early = registry.register_module(&module("(module (type (sub (struct))) (type (sub 0 (struct))))")).unwrap();
    registry.type_infos();
    let late = registry
        .register_module(&module(
            "(module (type (sub (struct))) (type (sub 0 (struct))) (type (sub final 1 (struct))))",
        ))
        .unwrap();
    let display = |id: DefTypeId| registry.read().displays.as_ref().unwrap().of(id);
    let ids: Vec<u32> = late.ids().iter().map(|id| id.0).collect();
    assert_eq!(early.ids(), &late.ids()[..2]);
    assert_eq!(display(late.ids()[0]), [0, ids[0], 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(display(late.ids()[1]), [1, ids[0], ids[1], 0, 0, 0, 0, 0, 0]);
    assert_eq!(display(late.ids()[2]), [2, ids[0], ids[1], ids[2], 0, 0, 0, 0, 0]);
    let gone = late.ids()[2];
    drop(late);
    assert_eq!(display(gone), [0; 9]);
    assert_eq!(display(early.ids()[1])[0], 1);
    assert_eq!(display(DefTypeId((1 << 26) - 1)), [0; 9]);
}

#[test]
fn a_deep_type_has_a_longer_display() {
    let registry = TypeRegistry::new();
    let deep: String = (1..20).map(|above| format!("(type (sub {} (struct)))", above - 1)).collect();
    registry.type_infos();
    let types = registry.register_module(&module(&format!("(module (type (sub (struct))) {deep})"))).unwrap();
    let display = registry.read().displays.as_ref().unwrap().of(types.ids()[19]);
    assert_eq!(display[0], 19);
    assert!(display[1..].iter().zip(types.ids()).all(|(found, id)| *found == id.0));
    assert_eq!(display.len(), 21);
}

#[test]
fn descriptors_are_part_of_a_type() {
    let registry = TypeRegistry::new();
    let register = |types: &str| {
        let features = Features::WASM3.with(Feature::CustomDescriptors);
        let bytes = wat::parse_str(format!("(module {types})")).unwrap();
        registry.register_module(&decode_and_validate(&bytes, &features, None).unwrap()).unwrap()
    };
    let described = "(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))";
    let first = register(described);
    let plain = register("(rec (type (struct)) (type (struct)))");
    let second = register(&format!("(type (func)) {described}"));
    assert_eq!(first.ids(), &second.ids()[1..]);
    assert!(!first.ids().contains(&plain.ids()[0]) && !first.ids().contains(&plain.ids()[1]));
    let [a, b] = [0, 1].map(|position| registry.get(first.ids()[position]).unwrap());
    assert_eq!((a.descriptor, a.describes), (Some(first.ids()[1]), None));
    assert_eq!((b.descriptor, b.describes), (None, Some(first.ids()[0])));
    let chain = "(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (descriptor $c) (struct)) (type $c (describes $b) (struct)))";
    assert_ne!(register(chain).ids()[0], first.ids()[0]);
    // A field's exact reference is another type than one that allows subtypes.
    let field = |heap| register(&format!("(type $t (sub (struct))) (type (struct (field (ref {heap}))))")).ids()[1];
    assert_ne!(field("$t"), field("(exact $t)"));
}
