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
