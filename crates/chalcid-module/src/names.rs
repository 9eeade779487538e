//! The name section: what its producer called the module and its functions. Read when somebody asks, and believed as far as it
//! can be read: the standard says that faults in it are no faults of the module.

use wasmparser::{BinaryReader, Name, NameMap, NameSectionReader};

use crate::declarations::Declarations;
use crate::index::FuncIdx;

/// Names of a module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    module: Option<Box<str>>,
    /// By ascending index.
    functions: Vec<(FuncIdx, Box<str>)>,
}

impl Names {
    /// Reads the first name section of a module, up to the first fault in it.
    pub fn parse(bytes: &[u8], declarations: &Declarations) -> Self {
        let mut names = Self::default();
        let Some(section) = declarations.custom_sections.iter().find(|section| &*section.name == "name") else {
            return names;
        };
        let Some(data) = bytes.get(section.data.start as usize..section.data.end as usize) else { return names };
        for subsection in NameSectionReader::new(BinaryReader::new(data, u64::from(section.data.start))) {
            match subsection {
                Ok(Name::Module { name, .. }) => names.module = Some(name.into()),
                Ok(Name::Function(map)) => names.add_functions(map, declarations.functions.len()),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        names
    }

    fn add_functions(&mut self, map: NameMap<'_>, functions: usize) {
        if !self.functions.is_empty() {
            return;
        }
        for naming in map {
            // The reader makes sure that indices ascend.
            match naming {
                Ok(naming) if (naming.index as usize) < functions => {
                    self.functions.push((FuncIdx(naming.index), naming.name.into()));
                }
                _ => break,
            }
        }
    }

    /// Name of the module.
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// Name of a function.
    pub fn function(&self, func: FuncIdx) -> Option<&str> {
        let position = self.functions.binary_search_by_key(&func, |(func, _)| *func).ok()?;
        Some(&self.functions[position].1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::features::Features;

    fn names(bytes: &[u8]) -> Names {
        let declarations = crate::decode_and_validate(bytes, &Features::default(), None).unwrap();
        Names::parse(bytes, &declarations)
    }

    /// A module with two functions and a name section.
    fn with_section(section: &[u8]) -> Names {
        let mut bytes = wat::parse_str("(module (func) (func))").unwrap();
        let mut contents = b"\x04name".to_vec();
        contents.extend_from_slice(section);
        bytes.extend([0, contents.len() as u8]);
        bytes.extend(contents);
        names(&bytes)
    }

    #[test]
    fn modules_and_functions_have_names() {
        let bytes = wat::parse_str("(module $m (func $f) (func) (func $\"h h\"))").unwrap();
        let names = names(&bytes);
        assert_eq!(names.module(), Some("m"));
        assert_eq!([0, 1, 2, 3].map(|func| names.function(FuncIdx(func))), [Some("f"), None, Some("h h"), None]);
    }

    #[test]
    fn garbage_after_good_names_leaves_them() {
        // Module "m"; function 0 is "f", then the subsection says more than there is.
        let names = with_section(b"\x00\x02\x01m\x01\x06\x02\x00\x01f\x01\x09");
        assert_eq!(names.module(), Some("m"));
        assert_eq!(names.function(FuncIdx(0)), Some("f"));
        assert_eq!(names.function(FuncIdx(1)), None);
    }

    #[test]
    fn garbage_is_no_error() {
        assert_eq!(with_section(b"\xff\xff\xff"), Names::default());
        assert_eq!(with_section(b""), Names::default());
    }

    #[test]
    fn names_of_functions_that_do_not_exist_are_dropped() {
        let names = with_section(b"\x01\x07\x02\x01\x01g\x02\x01h");
        assert_eq!(names.function(FuncIdx(1)), Some("g"));
        assert_eq!(names.function(FuncIdx(2)), None);
    }
}
