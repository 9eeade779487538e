//! Structures with descriptors in Rust programs, and structures so large that they lie alone.

#![allow(clippy::unwrap_used)]

mod common;

use chalcid::{Agent, Config, Engine, Error, Feature, Features, Instance, Misuse, Module, StructRef, Val};
use common::*;

fn agent(stress: bool) -> Agent {
    let features = Features::default().with(Feature::Gc).with(Feature::CustomDescriptors);
    Agent::new(&Engine::new(Config::new().features(features).heap_stress(stress)).unwrap())
}

/// An instance that exports a structure as `object`, and its descriptor as `descriptor`.
fn described(agent: &Agent, fields: &str) -> Instance {
    let text = format!(
        "(module
           (rec (type $t (descriptor $d) (struct {fields})) (type $d (describes $t) (struct (field i32))))
           (global $d (export \"descriptor\") (ref $d) (struct.new $d (i32.const 7)))
           (global (export \"object\") (ref $t)
             (struct.new_default_desc $t (struct.new $d (i32.const 9))))
           (func (export \"name\") (param (ref null $t)) (result i32)
             (struct.get $d 0 (ref.get_desc $t (local.get 0))))
           (func (export \"make\") (param i32) (result (ref $t))
             (struct.new_default_desc $t (struct.new $d (local.get 0)))))"
    );
    let bytes = wat::parse_str(text).unwrap();
    Instance::new(agent, &Module::new(agent.engine(), bytes).unwrap(), &[]).unwrap()
}

fn global(instance: &Instance, name: &str) -> StructRef {
    instance.get_global(name).unwrap().get().any().unwrap().as_struct().unwrap()
}

fn name(instance: &Instance, object: &StructRef) -> i32 {
    call(instance, "name", &[object.clone().into()])[0].i32().unwrap()
}

#[test]
fn rust_makes_structures_with_descriptors() {
    let agent = agent(false);
    let instance = described(&agent, "(field (mut i32))");
    let (object, descriptor) = (global(&instance, "object"), global(&instance, "descriptor"));
    assert_eq!(name(&instance, &object), 9);
    assert_eq!(object.descriptor().unwrap().field(0).unwrap().i32(), Some(9));
    assert!(descriptor.descriptor().is_none());

    let made = StructRef::new_described(&agent, object.ty(), &descriptor, &[Val::I32(3)]).unwrap();
    assert_eq!(made.field(0).unwrap().i32(), Some(3));
    assert_eq!(made.descriptor(), Some(descriptor.clone()));
    assert_eq!(name(&instance, &made), 7);
}

#[test]
fn a_descriptor_that_is_missing_or_of_another_type_is_refused() {
    let agent = agent(false);
    let instance = described(&agent, "(field (mut i32))");
    let (object, descriptor) = (global(&instance, "object"), global(&instance, "descriptor"));
    let refused = |made: Result<StructRef, Error>| matches!(made, Err(Error::Misuse(Misuse::Descriptor)));
    assert!(refused(StructRef::new(&agent, object.ty(), &[Val::I32(3)])));
    assert!(refused(StructRef::new_default(&agent, object.ty())));
    assert!(refused(StructRef::new_described(&agent, object.ty(), &object, &[Val::I32(3)])));
    // A type without one takes none.
    assert!(refused(StructRef::new_described(&agent, descriptor.ty(), &descriptor, &[Val::I32(3)])));
}

#[test]
fn descriptors_of_small_and_large_structures_survive_collections() {
    for stress in [false, true] {
        // Inline; from the running side; larger than half a block of the heap; larger than one.
        for fields in [1, 200, 3_000, 9_000] {
            let agent = agent(stress);
            let instance = described(&agent, &format!("(field{})", " i64".repeat(fields)));
            let made: Vec<StructRef> = (0..20)
                .map(|number| {
                    let made = call(&instance, "make", &[Val::I32(number)]);
                    made[0].any().unwrap().as_struct().unwrap()
                })
                .collect();
            agent.collect_garbage();
            for (number, object) in made.iter().enumerate() {
                assert_eq!(name(&instance, object), number as i32);
            }
            assert_eq!(name(&instance, &global(&instance, "object")), 9);
        }
    }
}
