//! What the tests share: a text module to compiled functions.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part; failing is how a test reports")]

use chalcid_compiler::{CompileError, Compiler, Settings, Tier};
use chalcid_module::artifact::CompiledCode;
use chalcid_module::declarations::Declarations;
use chalcid_module::features::{Feature, Features};
use chalcid_module::index::DefinedFuncIdx;
use chalcid_module::layout::VMContextLayout;

/// A decoded module with its bytes.
pub struct Module {
    pub bytes: Vec<u8>,
    pub declarations: Declarations,
    pub layout: VMContextLayout,
}

impl Module {
    /// Decodes a module that may use every proposal.
    pub fn new(bytes: Vec<u8>) -> Result<Self, chalcid_module::CompileError> {
        let features = Feature::ALL.iter().fold(Features::WASM3, |features, &feature| features.with(feature));
        let declarations = chalcid_module::decode_and_validate(&bytes, &features, None)?;
        let layout = VMContextLayout::new(&declarations);
        Ok(Self { bytes, declarations, layout })
    }

    /// Decodes a module in the text format.
    pub fn text(text: &str) -> Self {
        Self::new(wat::parse_str(text).unwrap()).unwrap()
    }

    /// Compiles one of its functions.
    pub fn compile(&self, compiler: &Compiler, func: usize) -> Result<CompiledCode, CompileError> {
        self.compile_by(Tier::Optimizing, compiler, func)
    }

    /// Compiles one of its functions by a tier.
    pub fn compile_by(&self, tier: Tier, compiler: &Compiler, func: usize) -> Result<CompiledCode, CompileError> {
        let range = &self.declarations.bodies.all(&self.bytes)[func];
        let body = &self.bytes[range.start as usize..range.end as usize];
        compiler.compile_function(
            tier,
            &self.declarations,
            &self.layout,
            DefinedFuncIdx::new(func),
            body,
            range.start as usize,
        )
    }

    /// Compiles all its functions.
    pub fn compile_all(&self, compiler: &Compiler) -> Result<Vec<CompiledCode>, CompileError> {
        (0..self.declarations.bodies.len()).map(|func| self.compile(compiler, func)).collect()
    }
}

/// A compiler that verifies what it makes.
pub fn compiler() -> Compiler {
    Compiler::new(Settings { verify: true, ..Settings::default() }).unwrap()
}

/// Compiles every function of a text module.
pub fn compile(text: &str) -> Vec<CompiledCode> {
    Module::text(text).compile_all(&compiler()).unwrap()
}
