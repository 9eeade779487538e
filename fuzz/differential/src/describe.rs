//! One line of JSON about a program: what JavaScript cannot see of it.

use std::fmt::Write;

use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

/// The line for a program that lies at an offset of its file.
pub fn line(seed: u64, offset: usize, program: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let mut types: Vec<Option<FuncType>> = Vec::new();
    let mut functions: Vec<u32> = Vec::new();
    let mut memories = Vec::new();
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(program) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let what = match import.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                            functions.push(ty);
                            format!(r#"["func",{}]"#, func(&types, ty))
                        }
                        TypeRef::Global(ty) => format!(r#"["global","{}",{}]"#, name(ty.content_type), ty.mutable),
                        TypeRef::Memory(ty) => {
                            memories.push(kind_of_memory(&ty));
                            format!(
                                r#"["memory",{},{},"{}"]"#,
                                ty.initial,
                                ty.maximum.map_or("null".to_owned(), |max| max.to_string()),
                                kind_of_memory(&ty)
                            )
                        }
                        TypeRef::Table(ty) => format!(
                            r#"["table",{},{},"{}",{}]"#,
                            ty.initial,
                            ty.maximum.map_or("null".to_owned(), |max| max.to_string()),
                            name(ValType::Ref(ty.element_type)),
                            ty.table64
                        ),
                        TypeRef::Tag(ty) => format!(r#"["tag",{}]"#, func(&types, ty.func_type_idx)),
                    };
                    imports.push(format!("[{},{},{what}]", quoted(import.module), quoted(import.name)));
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    functions.push(ty?);
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    memories.push(kind_of_memory(&ty?));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let what = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => match functions.get(export.index as usize) {
                            Some(ty) => format!(r#"["func",{}]"#, func(&types, *ty)),
                            None => continue,
                        },
                        ExternalKind::Memory => {
                            format!(
                                r#"["memory","{}"]"#,
                                memories.get(export.index as usize).copied().unwrap_or_default()
                            )
                        }
                        ExternalKind::Global => r#"["global"]"#.to_owned(),
                        ExternalKind::Table => r#"["table"]"#.to_owned(),
                        ExternalKind::Tag => r#"["tag"]"#.to_owned(),
                    };
                    exports.push(format!("[{},{what}]", quoted(export.name)));
                }
            }
            _ => {}
        }
    }
    Ok(format!(
        r#"{{"seed":{seed},"offset":{offset},"length":{},"imports":[{}],"exports":[{}]}}"#,
        program.len(),
        imports.join(","),
        exports.join(",")
    ))
}

fn quoted(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}

fn kind_of_memory(ty: &wasmparser::MemoryType) -> &'static str {
    match (ty.memory64, ty.shared) {
        (false, false) => "i32",
        (true, false) => "i64",
        (false, true) => "i32 shared",
        (true, true) => "i64 shared",
    }
}

fn func(types: &[Option<FuncType>], ty: u32) -> String {
    let Some(Some(ty)) = types.get(ty as usize) else { return "[],[]".to_owned() };
    let list = |types: &[ValType]| {
        let mut text = String::new();
        for (index, ty) in types.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, r#"{comma}"{}""#, name(*ty));
        }
        text
    };
    format!("[{}],[{}]", list(ty.params()), list(ty.results()))
}

fn name(ty: ValType) -> String {
    ty.to_string().replace('"', "'")
}
