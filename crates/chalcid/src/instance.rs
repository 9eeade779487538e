//! Instances: modules linked with their imports.

use chalcid_module::declarations::ExternIdx;
use chalcid_module::index::FuncIdx;
use chalcid_vm::{AllocateError, Import, Strong};

use crate::extern_::describe;
use crate::host::{Raw, raw};
use crate::{
    Agent, Error, Extern, Func, Global, LinkError, Memory, Misuse, Module, ResourceError, Table, Tag, TrapCode,
};

/// An instance of a module. Cloning gives another handle to the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance(Strong<chalcid_vm::Instance>);

raw! {
    Instance: chalcid_vm::Instance;
}

impl Instance {
    /// Instantiates a module: links `imports`, which are given in the order of [`Module::imports`], allocates what the module
    /// defines, applies its active segments and calls its start function.
    ///
    /// When a segment or the start function traps, what was written before stays written, and functions of the instance that were
    /// put into imported tables stay callable.
    pub fn new(agent: &Agent, module: &Module, imports: &[Extern]) -> Result<Self, Error> {
        let instance = Self::allocate(agent, module, imports)?;
        instance.initialize()?;
        Ok(instance)
    }

    /// The first part of [`Instance::new`]: links and allocates. No code of the instance runs.
    pub fn allocate(agent: &Agent, module: &Module, imports: &[Extern]) -> Result<Self, Error> {
        if module.engine() != agent.engine() {
            return Err(Misuse::Foreign("a module").into());
        }
        let wanted = module.declarations().imports.len();
        let given: Vec<Import> = imports.iter().take(wanted).map(Extern::to_import).collect();
        if given.iter().any(|item| !item.agent().same(agent.raw())) {
            return Err(Misuse::Foreign("an import").into());
        }
        chalcid_vm::Instance::allocate(agent.raw(), module.object(), &given, &|ty| module.signature(ty).cloned())
            .map(Self)
            .map_err(|error| match error {
                AllocateError::Import(position) => match mismatch(module, position, imports.get(position)) {
                    Some(error) => error.into(),
                    None => Misuse::Foreign("an import").into(),
                },
                AllocateError::NullDescriptor => {
                    Error::from_failure(agent.raw().trap(TrapCode::NullDescriptorReference))
                }
                error => ResourceError::new(error.to_string()).into(),
            })
    }

    /// The second part of [`Instance::new`], to be called once: applies the segments and calls the start function.
    pub fn initialize(&self) -> Result<(), Error> {
        self.0.initialize().map_err(Error::from_failure)?;
        if let Some(start) = self.0.module().declarations().start {
            self.call_start(start)?;
        }
        Ok(())
    }

    fn call_start(&self, start: FuncIdx) -> Result<(), Error> {
        let module = self.module();
        let ty = module.declarations().functions[start.index()];
        let signature = module.signature(ty).ok_or(Misuse::UnknownType)?;
        module.engine().need_entry(signature)?;
        self.0.call(start, signature, &mut []).map_err(Error::from_failure)
    }

    /// The agent it belongs to.
    pub fn agent(&self) -> Agent {
        Agent::from_raw(self.0.agent())
    }

    /// Its module.
    pub fn module(&self) -> Module {
        match Module::from_object(self.0.module()) {
            Some(module) => module,
            // Modules are made by `Module::new` alone.
            None => unreachable!("an instance of a foreign module"),
        }
    }

    /// Its exports, in module order.
    pub fn exports(&self) -> impl Iterator<Item = (&str, Extern)> {
        let module = self.module();
        // Only a finalised instance has lost what it exports.
        let (declared, bytes) = (&self.0.module().declarations().exports, self.0.module().bytes());
        declared.iter().filter_map(move |export| Some((export.name(bytes), self.item(&module, export.item)?)))
    }

    /// The export at a position of [`Instance::exports`].
    pub fn export_at(&self, position: usize) -> Option<Extern> {
        let module = self.module();
        let item = module.declarations().exports.get(position)?.item;
        self.item(&module, item)
    }

    /// The export of a name.
    pub fn get_export(&self, name: &str) -> Option<Extern> {
        let module = self.module();
        let item = module.find_export(name)?;
        self.item(&module, item)
    }

    /// The exported function of a name.
    pub fn get_func(&self, name: &str) -> Option<Func> {
        self.get_export(name)?.into_func()
    }

    /// The exported memory of a name.
    pub fn get_memory(&self, name: &str) -> Option<Memory> {
        self.get_export(name)?.into_memory()
    }

    /// The exported table of a name.
    pub fn get_table(&self, name: &str) -> Option<Table> {
        self.get_export(name)?.into_table()
    }

    /// The exported global of a name.
    pub fn get_global(&self, name: &str) -> Option<Global> {
        self.get_export(name)?.into_global()
    }

    /// The exported tag of a name.
    pub fn get_tag(&self, name: &str) -> Option<Tag> {
        self.get_export(name)?.into_tag()
    }

    fn item(&self, module: &Module, item: ExternIdx) -> Option<Extern> {
        self.0.show();
        Some(match item {
            ExternIdx::Func(func) => Extern::Func(self.func(module, func)?),
            ExternIdx::Table(table) => Extern::Table(Table::from_raw(self.0.table(table)?)),
            ExternIdx::Memory(memory) => Extern::Memory(Memory::from_raw(self.0.memory(memory)?)),
            ExternIdx::Global(global) => Extern::Global(Global::from_raw(self.0.global(global)?)),
            ExternIdx::Tag(tag) => Extern::Tag(Tag::from_raw(self.0.tag(tag)?)),
        })
    }

    fn func(&self, module: &Module, func: FuncIdx) -> Option<Func> {
        let inst = self.0.func(func)?;
        let ty = *module.declarations().functions.get(func.index())?;
        // An imported function may be of a type below the one that the module names.
        match module.signature(ty)? {
            signature if signature.id() == inst.type_id() => Some(Func::with_signature(inst, signature.clone())),
            _ => Func::from_inst(inst),
        }
    }
}

fn mismatch(module: &Module, index: usize, found: Option<&Extern>) -> Option<LinkError> {
    let import = module.imports().nth(index)?;
    Some(LinkError {
        index,
        module: import.module.into(),
        name: import.name.into(),
        wanted: describe(module.engine(), &import.ty).into(),
        found: found.map(|found| describe(module.engine(), &found.ty()).into()),
    })
}
