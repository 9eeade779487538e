//! Decoding keeps what the bytes say, and says where they are wrong.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::const_expr::ConstOp;
use crate::features::Feature;
use crate::index::*;
use crate::types::*;

fn decode_bytes(bytes: &[u8]) -> Result<Declarations, CompileError> {
    decode_and_validate(bytes, &Features::default(), None)
}

fn decode_text(text: &str) -> Result<Declarations, CompileError> {
    decode_bytes(&wat::parse_str(text).unwrap())
}

fn refused(text: &str) -> String {
    decode_text(text).unwrap_err().to_string()
}

/// A module with something in every section.
const EVERYTHING: &str = r#"
    (module $m
        (type $ii (func (param i32) (result i64 externref)))
        (type $v (func))
        (import "a" "f" (func $imported (type $v)))
        (import "a" "t" (table 1 2 externref))
        (import "b" "m" (memory 1 3))
        (import "b" "g" (global i32))
        (import "b" "h" (global (mut funcref)))
        (func $referred (type $v))
        (func $defined (export "defined") (type $ii) (i64.const 1) (ref.null extern))
        (func $unreferred)
        (func $start)
        (table $tab 10 funcref)
        (memory i64 5)
        (global $mine (export "mine") (mut v128) (v128.const i64x2 1 -1))
        (global f64 (f64.const -0))
        (export "again" (global $mine))
        (start $start)
        (elem (table $tab) (offset (i32.add (global.get 0) (i32.const 3))) func $imported $imported)
        (elem externref (ref.null extern))
        (elem declare func $referred)
        (data (memory 1) (i64.const 7) "abc")
        (data "passive")
        (@custom "note" "one")
        (@custom "note" (after last) "two"))
"#;

#[test]
fn every_section_is_read() {
    let bytes = wat::parse_str(EVERYTHING).unwrap();
    let module = decode_bytes(&bytes).unwrap();
    let text = |range: &std::ops::Range<u32>| &bytes[range.start as usize..range.end as usize];

    let ii =
        FuncType { params: [ValType::I32].into(), results: [ValType::I64, ValType::Ref(RefType::EXTERNREF)].into() };
    assert_eq!(module.func_type(TypeIdx(0)), Some(&ii));
    assert_eq!(module.rec_groups, [0..1, 1..2]);
    let counts = ImportCounts { functions: 1, tables: 1, memories: 1, globals: 2, tags: 0 };
    assert_eq!(module.imported, counts);
    assert_eq!(module.imports[1].name.as_ref(), "t");
    let limits = Limits { min: 1, max: Some(2) };
    let table = TableType { element: RefType::EXTERNREF, limits, address: AddressType::I32 };
    assert_eq!(module.imports[1].ty, ExternType::Table(table));

    assert_eq!(module.functions, [1, 1, 0, 1, 1].map(TypeIdx));
    assert_eq!(module.defined_functions(), 4);
    assert_eq!(module.tables[1].ty.limits, Limits { min: 10, max: None });
    let memory = module.memories[1];
    assert_eq!((memory.address, memory.limits.min, memory.page_size()), (AddressType::I64, 5, 65_536));
    assert_eq!(module.globals.iter().map(|global| global.exported).collect::<Vec<_>>(), [false, false, true, false]);
    let one_minus_one = (u128::from(u64::MAX) << 64) | 1;
    assert_eq!(*module.globals[2].init.as_ref().unwrap().ops(), [ConstOp::V128Const(one_minus_one.to_le_bytes())]);
    assert_eq!(*module.globals[3].init.as_ref().unwrap().ops(), [ConstOp::F64Const(1 << 63)]);
    assert_eq!(module.exports.len(), 3);
    assert_eq!(module.start, Some(FuncIdx(4)));
    assert_eq!(module.func_refs, [2, 0, 1].map(FuncIdx), "of exports, then of segments, not of the start function");
    assert_eq!(module.exported_func_refs, 1);
    let positions = (0..5).map(|func| module.func_ref_index(FuncIdx(func)).map(|position| position.0));
    assert_eq!(positions.collect::<Vec<_>>(), [Some(1), Some(2), Some(0), None, None]);

    let [active, expressions, declared] = &module.elements[..] else { panic!("three element segments") };
    let SegmentMode::Active { target: TableIdx(1), offset } = &active.mode else { panic!("an active segment") };
    assert_eq!(*offset.ops(), [ConstOp::GlobalGet(GlobalIdx(0)), ConstOp::I32Const(3), ConstOp::I32Add]);
    assert_eq!(active.items, ElementItems::Functions([FuncIdx(0), FuncIdx(0)].into()));
    assert!(!active.ty.nullable);
    assert_eq!(expressions.mode, SegmentMode::Passive);
    assert_eq!(expressions.ty, RefType::EXTERNREF);
    assert_eq!(declared.mode, SegmentMode::Declared);

    let [active, passive] = &module.data.iter(&bytes).collect::<Vec<_>>()[..] else { panic!("two data segments") };
    assert_eq!(active.place, Some((MemIdx(1), crate::data::Offset::Constant(7))));
    assert_eq!(text(&active.bytes), b"abc");
    assert_eq!((&passive.place, text(&passive.bytes)), (&None, &b"passive"[..]));
    let notes: Vec<_> = module.custom_sections.iter().filter(|section| &*section.name == "note").collect();
    assert_eq!(notes.iter().map(|section| text(&section.data)).collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(text(&module.bodies.all(&bytes)[0]), [0, 0x0b], "no locals and an end");
}

#[test]
fn expressions_that_only_refer_to_functions_are_kept_as_functions() {
    let items = |items: &str| {
        let module = decode_text(&format!("(module (func) (func) (elem funcref {items}))")).unwrap();
        assert_eq!(module.elements[0].ty, RefType::FUNCREF);
        module.elements[0].items.clone()
    };
    assert_eq!(items("(ref.func 1) (ref.func 0)"), ElementItems::Functions([1, 0].map(FuncIdx).into()));
    let expr = |op| crate::const_expr::ConstExpr::one(op);
    let (one, null) = (ConstOp::RefFunc(FuncIdx(1)), ConstOp::RefNull(RefType::<TypeIdx>::FUNCREF.heap));
    assert_eq!(
        items("(ref.func 1) (ref.null func) (ref.func 1)"),
        ElementItems::Expressions([one, null, one].map(expr).into())
    );
}

#[test]
fn an_empty_module_is_valid() {
    let module = decode_bytes(b"\0asm\x01\0\0\0").unwrap();
    assert_eq!(module.functions, []);
}

#[test]
fn the_preamble_is_named() {
    let message = |bytes: &[u8]| decode_bytes(bytes).unwrap_err().to_string();
    assert_eq!(message(b""), "module is empty @+0");
    assert_eq!(message(b"\0as"), "expected magic word 00 61 73 6d, found 00 61 73 @+0");
    assert_eq!(message(b"<htm"), "expected magic word 00 61 73 6d, found 3c 68 74 6d @+0");
    assert_eq!(message(b"\0asm"), "expected version 01 00 00 00, found the end @+4");
    assert_eq!(message(b"\0asm\x0d\0\x01\0"), "expected version 01 00 00 00, found 0d 00 01 00 @+4");
}

#[test]
fn the_offset_of_a_fault_is_named() {
    let error = decode_bytes(b"\0asm\x01\0\0\0\x63\0").unwrap_err();
    assert_eq!(error.offset, Some(10), "{error}");
    let error = decode_bytes(b"\0asm\x01\0\0\0\x01\x7f\0").unwrap_err();
    assert!(error.message.starts_with("unexpected end"), "{error}");
}

#[test]
fn more_bodies_than_functions_are_an_error() {
    let bytes = b"\0asm\x01\0\0\0\x0a\x04\x01\x02\0\x0b";
    let error = decode_bytes(bytes).unwrap_err();
    assert!(error.message.contains("function section"), "{error}");
}

#[test]
fn no_truncation_and_no_flipped_bit_panics() {
    let bytes = wat::parse_str(EVERYTHING).unwrap();
    for end in 0..bytes.len() {
        // Cut between two sections it may even be valid.
        let _ = decode_bytes(&bytes[..end]);
    }
    let every_feature: Features = Feature::ALL.iter().copied().collect();
    for position in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[position / 8] ^= 1 << (position % 8);
        let _ = decode_and_validate(&bytes, &every_feature, None);
        // Nobody should believe these, and yet.
        if let Ok(believed) = decode_validated(&bytes, &every_feature) {
            believed.bodies.all(&bytes);
            believed.data.iter(&bytes).for_each(drop);
            believed.exports.iter().for_each(|export| assert!(export.name(&bytes).len() < bytes.len()));
        }
    }
}

/// Checks that a module that is only read says what it says when it is judged.
pub(crate) fn says_the_same_when_believed(bytes: &[u8], features: &Features, judged: &Declarations) {
    let believed = decode_validated(bytes, features).unwrap();
    assert_eq!(believed.bodies.all(bytes), judged.bodies.all(bytes));
    assert!(believed.data.iter(bytes).eq(judged.data.iter(bytes)));
    assert_eq!(believed.data.iter(bytes).count(), judged.data.len());
    let rest = |declarations: &Declarations| {
        let Declarations { types, rec_groups, imports, functions, tables, memories, globals, tags, .. } = declarations;
        let Declarations { imported, exports, start, elements, custom_sections, branch_hints, .. } = declarations;
        let Declarations { func_refs, exported_func_refs, .. } = declarations;
        format!(
            "{:?} {:?} {:?}",
            (types, rec_groups, imports, functions, tables, memories, globals, tags),
            (imported, exports, start, elements, custom_sections, branch_hints),
            (func_refs, exported_func_refs)
        )
    };
    assert_eq!(rest(&believed), rest(judged));
}

#[test]
fn types_and_functions_are_what_the_library_reads() {
    let read = |text: &str| {
        let bytes = wat::parse_str(text).unwrap();
        let range = |range: std::ops::Range<u64>| range.start as usize..range.end as usize;
        let (mut quick, mut library) = (None, Vec::new());
        let (mut quick_functions, mut functions) = (vec![TypeIdx(7)], vec![TypeIdx(7)]);
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.unwrap() {
                Payload::TypeSection(section) => {
                    quick = quick::types(&bytes, range(section.range()));
                    types::type_section(section, &mut library, &mut Vec::new()).unwrap();
                }
                Payload::FunctionSection(section) => {
                    quick::functions(&bytes, range(section.range()), &mut quick_functions).unwrap();
                    functions.extend(section.into_iter().map(|ty| TypeIdx(ty.unwrap())));
                }
                _ => {}
            }
        }
        assert_eq!(quick_functions, functions);
        assert!(quick.as_ref().is_none_or(|quick| *quick == library));
        quick.is_some()
    };
    assert!(read(
        "(module (type (func)) (type (func (param i32 i64 f32 f64 v128 funcref externref) (result f64 i32))))"
    ));
    assert!(read(&format!("(module {})", "(func (param i32)) (func (result i64) (i64.const 0))".repeat(200))));
    // These are left to it.
    assert!(!read("(module (type (func)) (type (struct)))"));
    assert!(!read("(module (type (func (param (ref func)))))"));
    assert!(!read("(module (type (sub (func))))"));
    assert!(!read("(module (rec (type (func)) (type (func))))"));
    // Nothing else than the section is read, and nothing of one that is cut off is kept.
    assert_eq!(quick::types(&[1, 0x60, 0, 0, 0], 0..5), None);
    assert_eq!(quick::types(&[2, 0x60, 0, 0], 0..4), None);
    let mut functions = vec![TypeIdx(7)];
    assert_eq!((quick::functions(&[3, 1, 2], 0..3, &mut functions), functions), (None, vec![TypeIdx(7)]));
}

#[test]
fn exports_are_known_by_where_their_names_lie() {
    let long = "n".repeat(300);
    let text = format!(
        r#"(module (func (export "") (export "ſ") (export "{long}")) (memory (export "m") 1) (table (export "t") 1 funcref)
            (global (export "g") i32 (i32.const 0)) (tag (export "e")) (func (export "last")))"#
    );
    let bytes = wat::parse_str(text).unwrap();
    let module = decode_and_validate(&bytes, &Features::WASM3, None).unwrap();
    let exports: Vec<_> = module.exports.iter().map(|export| (export.name(&bytes), export.item)).collect();
    let func = |index| ExternIdx::Func(FuncIdx(index));
    assert_eq!(
        exports,
        [
            ("", func(0)),
            ("ſ", func(0)),
            (&long, func(0)),
            ("m", ExternIdx::Memory(MemIdx(0))),
            ("t", ExternIdx::Table(TableIdx(0))),
            ("g", ExternIdx::Global(GlobalIdx(0))),
            ("e", ExternIdx::Tag(TagIdx(0))),
            ("last", func(1)),
        ]
    );
    assert_eq!((&module.func_refs[..], module.exported_func_refs), (&[FuncIdx(0), FuncIdx(1)][..], 2));
    assert!(module.globals[0].exported);
    // Where exports are left to the library, they are the same.
    let every_feature: Features = Feature::ALL.iter().copied().collect();
    assert_eq!(decode_and_validate(&bytes, &every_feature, None).unwrap().exports, module.exports);
    // Other bytes have no such names.
    assert_eq!(module.exports[2].name(&bytes[..20]), "");
}

#[test]
fn faults_of_exports_are_worded_by_the_library() {
    for (exports, message) in [
        (&[2, 1, b'a', 0, 0, 1, b'a', 3, 0][..], "duplicate export name `a`"),
        (&[1, 1, b'a', 0, 1], "unknown function 1"),
        (&[1, 1, b'a', 1, 0], "unknown table 0"),
        (&[1, 1, b'a', 2, 0], "unknown memory 0"),
        (&[1, 1, b'a', 3, 1], "unknown global 1"),
        (&[1, 1, b'a', 4, 0], "unknown tag 0"),
        (&[1, 1, b'a', 9, 0], "for external kind"),
        (&[1, 1, 0xff, 0, 0], "malformed UTF-8"),
        (&[1, 1, b'a', 0, 0, 0], "section size mismatch"),
        (&[2, 1, b'a', 0, 0], "unexpected end"),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f], "exports count exceeds limit"),
    ] {
        let mut bytes = wat::parse_str("(module (func) (global i32 (i32.const 0)))").unwrap();
        // Before the code section: 10, its size, and one body of two bytes.
        let code = bytes.split_off(bytes.len() - 6);
        bytes.extend([7, exports.len() as u8]);
        bytes.extend_from_slice(exports);
        bytes.extend(code);
        let found = decode_and_validate(&bytes, &Features::WASM3, None).unwrap_err();
        assert!(found.to_string().contains(message), "{message}: {found}");
        let flags = Features::WASM3.to_wasmparser();
        let library = wasmparser::Validator::new_with_features(flags).validate_all(&bytes).err().unwrap();
        assert_eq!(found, CompileError::from(library));
    }
}

#[test]
fn what_is_switched_off_is_refused_by_name() {
    let refused_without = |feature: Feature, text: &str| {
        let bytes = wat::parse_str(text).unwrap();
        decode_and_validate(&bytes, &Features::default().with(feature), None).unwrap();
        // The older form of exceptions brings the newer one with it.
        let mut rest = Features::default().without(Feature::LegacyExceptions).without(feature);
        if feature == Feature::TypedFunctionReferences {
            // They are part of it.
            rest = rest.without(Feature::Gc);
        }
        decode_and_validate(&bytes, &rest, None).unwrap_err().to_string()
    };
    let message = refused_without(Feature::Threads, "(module (memory 1 1 shared))");
    assert!(message.contains("(feature `threads` is off)"), "{message}");
    refused_without(Feature::Memory64, "(module (memory i64 1))");
    refused_without(Feature::MultiMemory, "(module (memory 1) (memory 1))");
    refused_without(Feature::TypedFunctionReferences, "(module (func (param (ref func))))");
    refused_without(Feature::TailCall, "(module (func (return_call 0)))");
    refused_without(Feature::Exceptions, "(module (func (param exnref)))");
    refused_without(Feature::LegacyExceptions, "(module (func try end))");
    refused_without(Feature::ExtendedConst, "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))");
    refused_without(Feature::CustomPageSizes, "(module (memory 1 (pagesize 1)))");
    refused_without(Feature::Gc, "(module (type (struct)))");
    refused_without(Feature::Simd, "(module (func (param v128)))");
    refused_without(
        Feature::WideArithmetic,
        "(module (func (param i64 i64) (result i64 i64) local.get 0 local.get 1 i64.mul_wide_s))",
    );
}

#[test]
fn concrete_references_stay_relative_to_the_module() {
    // The second group equals the first, so the validator gives both the same identity: ours must not.
    let text = "(module
        (rec (type $a (sub (struct (field (ref null $b))))) (type $b (sub (array (mut i8)))))
        (rec (type $c (sub (struct (field (ref null $d))))) (type $d (sub (array (mut i8)))))
        (type $e (sub final $d (array (mut i8)))))";
    let module = decode_and_validate(&wat::parse_str(text).unwrap(), &Features::WASM3, None).unwrap();
    assert_eq!(module.rec_groups, [0..2, 2..4, 4..5]);
    let field = |target| FieldType {
        storage: StorageType::Val(ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(TypeIdx(target)) })),
        mutable: false,
    };
    assert_eq!(module.types[0].comp, CompType::Struct([field(1)].into()));
    assert_eq!(module.types[2].comp, CompType::Struct([field(3)].into()));
    assert_eq!(module.types[4].supertype, Some(TypeIdx(3)));
    assert!(module.types[4].is_final);
}

#[test]
fn limits_that_the_library_does_not_know_are_kept() {
    let pages = limits::MAX_MEMORY64_PAGES;
    decode_text(&format!("(module (memory i64 0 {pages}))")).unwrap();
    assert!(refused(&format!("(module (memory i64 0 {}))", pages + 1)).contains("memory size"));
    assert!(refused(&format!("(module (import \"\" \"\" (memory i64 {})))", pages + 1)).contains("memory size"));

    let array = |size: usize| {
        let operands = "i32.const 0 ".repeat(size);
        let text = format!("(module (type $a (array i32)) (global (ref $a) {operands} array.new_fixed $a {size}))");
        decode_and_validate(&wat::parse_str(text).unwrap(), &Features::WASM3, None)
    };
    array(10_000).unwrap();
    assert!(array(10_001).unwrap_err().message.contains("array.new_fixed"));
}

/// Bytes of a section.
fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    unsigned(&mut bytes, contents.len() as u64);
    bytes.extend_from_slice(contents);
    bytes
}

fn unsigned(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn name(bytes: &mut Vec<u8>, name: &str) {
    unsigned(bytes, name.len() as u64);
    bytes.extend_from_slice(name.as_bytes());
}

/// A module with the type `[] -> []` and an import section.
fn with_imports(groups: &[Vec<u8>]) -> Vec<u8> {
    let mut imports = Vec::new();
    unsigned(&mut imports, groups.len() as u64);
    imports.extend(groups.concat());
    [b"\0asm\x01\0\0\0".to_vec(), section(1, &[1, 0x60, 0, 0]), section(2, &imports)].concat()
}

/// A group of functions that share the name of their module: `0x7f` gives each a type, `0x7e` all the same.
fn group(module: &str, encoding: u8, names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    name(&mut bytes, module);
    bytes.extend([0, encoding]);
    if encoding == 0x7e {
        bytes.extend([0, 0]);
    }
    unsigned(&mut bytes, names.len() as u64);
    for item in names {
        name(&mut bytes, item);
        if encoding == 0x7f {
            bytes.extend([0, 0]);
        }
    }
    bytes
}

fn decode_compact(bytes: &[u8]) -> Result<Declarations, CompileError> {
    decode_and_validate(bytes, &Features::default().with(Feature::CompactImports), None)
}

#[test]
fn compact_imports_mean_the_same_as_plain_ones() {
    let plain = [vec![1, b'a', 1, b'f', 0, 0], vec![1, b'b', 0, 0, 0]];
    let groups = [group("a", 0x7f, &["x", "", "y"]), group("a", 0x7e, &["z"]), group("c", 0x7f, &[])];
    let bytes = with_imports(&[&groups[..], &plain[..], &[group("", 0x7e, &["w"])]].concat());
    let module = decode_compact(&bytes).unwrap();
    let names: Vec<_> = module.imports.iter().map(|import| (&*import.module, &*import.name)).collect();
    assert_eq!(names, [("a", "x"), ("a", ""), ("a", "y"), ("a", "z"), ("a", "f"), ("b", ""), ("", "w")]);
    assert!(module.imports.iter().all(|import| import.ty == ExternType::Func(TypeIdx(0))));
    assert_eq!(module.imported.functions, 7);
    assert!(decode_bytes(&bytes).unwrap_err().to_string().contains("compact imports"));
}

#[test]
fn compact_imports_of_every_kind() {
    let text = r#"(module
        (import "m" (item "f" (func)) (item "t" (table 1 funcref)) (item "m" (memory 1)) (item "g" (global i32)))
        (import "n" (item "a") (item "b") (global (mut i64)))
        (func (export "e") (drop (global.get 2))))"#;
    let module = decode_compact(&wat::parse_str(text).unwrap()).unwrap();
    let counts = ImportCounts { functions: 1, tables: 1, memories: 1, globals: 3, tags: 0 };
    assert_eq!(module.imported, counts);
    assert_eq!(module.imports.len(), 6);
}

#[test]
fn a_long_name_for_many_imports_is_refused_before_it_is_copied() {
    let long = "m".repeat(100_000);
    let names = vec![""; 100_000];
    for encoding in [0x7e, 0x7f] {
        let error = decode_compact(&with_imports(&[group(&long, encoding, &names)])).unwrap_err();
        assert!(error.to_string().contains("bytes of import names"), "{error}");
        assert!(decode_compact(&with_imports(&[group("m", encoding, &names)])).is_ok());
    }
    let many = vec![""; 600_000];
    let error = decode_compact(&with_imports(&[group("m", 0x7e, &many), group("n", 0x7e, &many)])).unwrap_err();
    assert!(error.to_string().contains("imports, at most"), "{error}");
}
