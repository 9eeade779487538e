//! What the tests share: a small engine that joins this crate with the compiler.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part; failing is how a test reports")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chalcid_compiler::{Compiler, Settings};
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::{DefTypeId, DefinedFuncIdx, TypeIdx};
use chalcid_module::layout::VMContextLayout;
use chalcid_module::registry::{RegisteredTypes, TypeHandle, TypeRegistry};
use chalcid_module::trap_code::TrapCode;
use chalcid_module::types::{FuncType, RefType, ValType};
use chalcid_vm::*;

pub const I32: ValType<DefTypeId> = ValType::I32;
pub const I64: ValType<DefTypeId> = ValType::I64;
pub const FUNCREF: ValType<DefTypeId> = ValType::Ref(RefType::FUNCREF);
pub const EXTERNREF: ValType<DefTypeId> = ValType::Ref(RefType::EXTERNREF);

/// What tests share of an engine.
pub struct Kit {
    pub types: TypeRegistry,
    pub compiler: Arc<Compiler>,
    pub memories: MemorySettings,
    signatures: Mutex<HashMap<DefTypeId, Arc<Signature>>>,
    handles: Mutex<Vec<TypeHandle>>,
}

struct Lazy {
    compiler: Arc<Compiler>,
}

impl LazyCompile for Lazy {
    fn compile(&self, module: &Arc<ModuleObject>, func: DefinedFuncIdx) -> Result<(), Failure> {
        let declarations = module.declarations();
        let range = declarations.bodies.get(module.bytes(), func).unwrap();
        let body = &module.bytes()[range.start as usize..range.end as usize];
        let code = self
            .compiler
            .compile_function(
                chalcid_compiler::Tier::Optimizing,
                declarations,
                module.layout(),
                func,
                body,
                range.start as usize,
            )
            .map_err(|error| Failure::Error(Box::new(error.to_string())))?;
        // SAFETY: the compiler made it of this function of this module.
        unsafe { module.publish(func, code) }.map_err(|error| Failure::Error(Box::new(error)))
    }
}

impl Kit {
    pub fn new() -> Self {
        Self::with(Settings { verify: true, ..Settings::default() })
    }

    pub fn with(settings: Settings) -> Self {
        let memories = MemorySettings { signals: settings.signals, ..MemorySettings::default() };
        Self {
            types: TypeRegistry::new(),
            compiler: Arc::new(Compiler::new(settings).unwrap()),
            memories,
            signatures: Mutex::default(),
            handles: Mutex::default(),
        }
    }

    pub fn agent(&self) -> Agent {
        Agent::plain(self.types.clone(), AgentSettings { signals: self.memories.signals, ..AgentSettings::default() })
    }

    pub fn module(&self, text: &str) -> Arc<ModuleObject> {
        let bytes = wat::parse_str(text).unwrap();
        let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
        let declarations = chalcid_module::decode_and_validate(&bytes, &features, None).unwrap();
        let registered: RegisteredTypes = self.types.register_module(&declarations).unwrap();
        let _ = VMContextLayout::new(&declarations);
        ModuleObject::new(ModuleParts {
            declarations: Arc::new(declarations),
            bytes: bytes.into(),
            type_ids: registered.ids().into(),
            memories: self.memories,
            compiler: Box::new(Lazy { compiler: self.compiler.clone() }),
            data: Box::new(registered),
        })
        .unwrap()
    }

    /// The signature of a type, with both trampolines.
    pub fn signature_of(&self, id: DefTypeId) -> Arc<Signature> {
        if let Some(signature) = self.signatures.lock().unwrap().get(&id) {
            return signature.clone();
        }
        let ty = self.types.func_type(id).unwrap();
        let abi = self.types.matching(|types| chalcid_compiler::Signature::of_engine(&ty, types));
        let trampolines = Trampolines::new(&ty, &self.types);
        // SAFETY: the compiler made both for this very type.
        unsafe {
            trampolines.publish_entry(self.compiler.compile_entry_trampoline(&abi).unwrap()).unwrap();
            trampolines.publish_host(self.compiler.compile_host_trampoline(&abi).unwrap()).unwrap();
        }
        let signature = Signature::new(id, ty, &self.types, &trampolines).unwrap();
        self.signatures.lock().unwrap().insert(id, signature.clone());
        signature
    }

    pub fn signature(&self, params: &[ValType<DefTypeId>], results: &[ValType<DefTypeId>]) -> Arc<Signature> {
        let handle = self.types.register_func(FuncType { params: params.into(), results: results.into() }).unwrap();
        let id = handle.id();
        self.handles.lock().unwrap().push(handle);
        self.signature_of(id)
    }

    pub fn allocate(&self, agent: &Agent, module: &Arc<ModuleObject>, imports: &[Import]) -> Strong<Instance> {
        let signatures = |ty: TypeIdx| Some(self.signature_of(module.def_type_id(ty)?));
        Instance::allocate(agent, module, imports, &signatures).unwrap()
    }

    pub fn instantiate(&self, agent: &Agent, module: &Arc<ModuleObject>, imports: &[Import]) -> Strong<Instance> {
        let instance = self.allocate(agent, module, imports);
        instance.initialize().unwrap();
        if let Some(start) = module.declarations().start {
            let ty = module.declarations().functions[start.index()];
            let signature = self.signature_of(module.def_type_id(ty).unwrap());
            instance.call(start, &signature, &mut []).unwrap();
        }
        instance
    }

    /// An instance of a module in the text format, without imports.
    pub fn text(&self, agent: &Agent, text: &str) -> Strong<Instance> {
        self.instantiate(agent, &self.module(text), &[])
    }

    pub fn call_raw(&self, func: &FuncInst, args: &[ValRaw]) -> Result<Vec<ValRaw>, Failure> {
        let signature = self.signature_of(func.type_id());
        let mut values = vec![ValRaw::ZERO; signature.values()];
        values[..args.len()].copy_from_slice(args);
        func.call(&signature, &mut values)?;
        values.truncate(signature.ty().results.len());
        Ok(values)
    }

    pub fn call(&self, instance: &Strong<Instance>, name: &str, args: &[ValRaw]) -> Result<Vec<ValRaw>, Failure> {
        self.call_raw(&func(instance, name), args)
    }

    /// Calls a function of `i32`s that gives one.
    pub fn call_i32(&self, instance: &Strong<Instance>, name: &str, args: &[i32]) -> Result<i32, Failure> {
        let args: Vec<_> = args.iter().map(|arg| ValRaw::i32(*arg)).collect();
        Ok(self.call(instance, name, &args)?[0].get_i32())
    }

    /// The trap that a call of a function of `i32`s ends in.
    pub fn trap(&self, instance: &Strong<Instance>, name: &str, args: &[i32]) -> Trap {
        let args: Vec<_> = args.iter().map(|arg| ValRaw::i32(*arg)).collect();
        match self.call(instance, name, &args) {
            Err(Failure::Trap(trap)) => trap,
            other => panic!("expected a trap, got {other:?}"),
        }
    }

    pub fn trap_code(&self, instance: &Strong<Instance>, name: &str, args: &[i32]) -> TrapCode {
        self.trap(instance, name, args).code
    }

    pub fn host(
        &self,
        agent: &Agent,
        params: &[ValType<DefTypeId>],
        results: &[ValType<DefTypeId>],
        call: impl Fn(&Agent, &mut [ValRaw]) -> Result<(), Failure> + 'static,
    ) -> Strong<HostFunc> {
        let signature = self.signature(params, results);
        HostFunc::new(agent, &signature, 0, std::rc::Rc::new(Closure(call))).unwrap()
    }
}

/// A host function made of a closure.
pub struct Closure<F>(pub F);

impl<F: Fn(&Agent, &mut [ValRaw]) -> Result<(), Failure> + 'static> HostCall for Closure<F> {
    fn call(&self, agent: &Agent, _: &FuncType<DefTypeId>, values: &mut [ValRaw]) -> Result<(), Failure> {
        (self.0)(agent, values)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// An exported function.
pub fn func(instance: &Strong<Instance>, name: &str) -> FuncInst {
    use chalcid_module::declarations::ExternIdx;
    let module = instance.module();
    let export = module.declarations().exports.iter().find(|export| export.name(module.bytes()) == name).unwrap();
    let ExternIdx::Func(index) = export.item else { panic!("{name} is not a function") };
    instance.func(index).unwrap()
}

/// Any export, as an import of another module.
pub fn export(instance: &Strong<Instance>, name: &str) -> Import {
    use chalcid_module::declarations::ExternIdx;
    let module = instance.module();
    let export = module.declarations().exports.iter().find(|export| export.name(module.bytes()) == name).unwrap();
    match export.item {
        ExternIdx::Func(index) => Import::Func(instance.func(index).unwrap()),
        ExternIdx::Table(index) => Import::Table(instance.table(index).unwrap()),
        ExternIdx::Memory(index) => Import::Memory(instance.memory(index).unwrap()),
        ExternIdx::Global(index) => Import::Global(instance.global(index).unwrap()),
        ExternIdx::Tag(index) => Import::Tag(instance.tag(index).unwrap()),
    }
}
