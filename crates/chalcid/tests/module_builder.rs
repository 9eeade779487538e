//! Modules compiled while their bytes arrive: the same as if they had come at once, whatever the pieces, the threads and the faults.
#![allow(clippy::unwrap_used)]

use chalcid::{Agent, CompileError, Config, Engine, Instance, Module, ModuleBuilder, Val};

/// A module of a few hundred kilobytes whose export adds 77.
fn wasm() -> Vec<u8> {
    let function = "(func (param i32) (result i32) (block (result i32) (local.get 0) (i32.const 77) (i32.add)))";
    let text = format!(
        r#"(module (memory (export "memory") 1) (export "f" (func 20000)) (data (i32.const 3) "x") {} (@custom "c" (after data) "d"))"#,
        function.repeat(30_000)
    );
    wat::parse_str(text).unwrap()
}

fn built(engine: &Engine, bytes: &[u8], piece: usize) -> Result<Module, CompileError> {
    let builder = ModuleBuilder::new(engine);
    bytes.chunks(piece).for_each(|piece| builder.push(piece));
    builder.finish()
}

fn engines() -> [Engine; 2] {
    [1, 4].map(|threads| Engine::new(Config::new().threads(threads)).unwrap())
}

#[test]
fn a_module_that_came_in_pieces_works() {
    let bytes = wasm();
    for engine in engines() {
        for piece in [1000, 100_000, bytes.len()] {
            let module = built(&engine, &bytes, piece).unwrap();
            assert_eq!(module.bytes()[..], bytes);
            assert_eq!(module.custom_sections("c").collect::<Vec<_>>(), [b"d"]);
            let instance = Instance::new(&Agent::new(&engine), &module, &[]).unwrap();
            let mut result = [Val::I32(0)];
            instance.get_func("f").unwrap().call(&[Val::I32(1)], &mut result).unwrap();
            assert_eq!(result[0].i32(), Some(78));
        }
    }
}

#[test]
fn an_error_is_the_one_that_the_whole_has() {
    let bytes = wasm();
    for engine in engines() {
        for at in [0, 5, 9, 30, 60_000, 150_000, 300_000, 380_000, bytes.len() - 8] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x60;
            let (whole, pieces) = (Module::new(&engine, damaged.clone()), built(&engine, &damaged, 4096));
            assert_eq!(pieces.err(), whole.err(), "byte {at}");
        }
        for len in [0, 4, 8, 100, bytes.len() - 1] {
            assert_eq!(
                built(&engine, &bytes[..len], 64).err(),
                Module::new(&engine, &bytes[..len]).err(),
                "{len} bytes"
            );
        }
    }
}

#[test]
fn a_builder_may_be_given_up_at_any_time() {
    let bytes = wasm();
    for engine in engines() {
        for len in [0, 100, bytes.len() / 2, bytes.len()] {
            let builder = ModuleBuilder::new(&engine);
            bytes[..len].chunks(5000).for_each(|piece| builder.push(piece));
            assert_eq!(builder.is_empty(), len == 0);
            let clone = builder.clone();
            drop(builder);
            drop(clone);
        }
        // What comes after the end changes nothing.
        let builder = ModuleBuilder::new(&engine);
        builder.push(&bytes[..]);
        let late = builder.clone();
        let module = builder.finish().unwrap();
        late.push(&b"more"[..]);
        assert_eq!(module.bytes().len(), bytes.len());
    }
}

#[test]
fn many_modules_come_at_the_same_time() {
    let bytes = wasm();
    let engine = Engine::new(Config::new().threads(2)).unwrap();
    let builders: Vec<_> = (0..8).map(|_| ModuleBuilder::new(&engine)).collect();
    for piece in bytes.chunks(10_000) {
        builders.iter().for_each(|builder| builder.push(piece));
    }
    for builder in builders {
        assert_eq!(builder.finish().unwrap().exports().len(), 2);
    }
}
