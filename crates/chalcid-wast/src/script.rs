//! A script at work: its directives one after another.

use std::collections::HashMap;

use chalcid::{Agent, CompileError, Engine, Error, Extern, Instance, Module, Val};
use wast::core::ModuleKind;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, Wat};

use crate::messages;
use crate::report::{Outcome, Report};
use crate::spectest::Host;
use crate::values;

/// Runs a script from its first directive to its last. `path` is what the report calls it.
pub fn run(engine: &Engine, path: &str, source: &str) -> Report {
    let mut report = Report { path: path.to_owned(), outcomes: Vec::new() };
    let line = |span: Span| span.linecol_in(source).0 + 1;
    let mut lexer = Lexer::new(source);
    lexer.allow_confusing_unicode(true);
    let buffer = match ParseBuffer::new_with_lexer(lexer) {
        Ok(buffer) => buffer,
        Err(error) => {
            report.outcomes.push(unreadable(line(error.span()), &error));
            return report;
        }
    };
    let directives = match parser::parse::<Wast<'_>>(&buffer) {
        Ok(wast) => wast.directives,
        Err(error) => {
            report.outcomes.push(unreadable(line(error.span()), &error));
            return report;
        }
    };
    let mut script = match Script::new(engine) {
        Ok(script) => script,
        Err(reason) => {
            report.outcomes.push(Outcome { line: 1, directive: "spectest", result: Err(reason) });
            return report;
        }
    };
    for directive in directives {
        let (line, name) = (line(directive.span()), keyword(&directive));
        report.outcomes.push(Outcome { line, directive: name, result: script.run(directive) });
    }
    report
}

fn unreadable(line: usize, error: &wast::Error) -> Outcome {
    Outcome { line, directive: "script", result: Err(format!("not readable: {}", error.message())) }
}

fn keyword(directive: &WastDirective<'_>) -> &'static str {
    match directive {
        WastDirective::Module(_) => "module",
        WastDirective::ModuleDefinition(_) => "module definition",
        WastDirective::ModuleInstance { .. } => "module instance",
        WastDirective::AssertMalformed { .. } => "assert_malformed",
        WastDirective::AssertInvalid { .. } => "assert_invalid",
        WastDirective::AssertInvalidCustom { .. } => "assert_invalid_custom",
        WastDirective::Register { .. } => "register",
        WastDirective::Invoke(_) => "invoke",
        WastDirective::AssertTrap { .. } => "assert_trap",
        WastDirective::AssertReturn { .. } => "assert_return",
        WastDirective::AssertExhaustion { .. } => "assert_exhaustion",
        WastDirective::AssertUnlinkable { .. } => "assert_unlinkable",
        WastDirective::AssertException { .. } => "assert_exception",
        WastDirective::AssertSuspension { .. } => "assert_suspension",
        WastDirective::Thread(_) => "thread",
        WastDirective::Wait { .. } => "wait",
        WastDirective::AssertMalformedCustom { .. } => "assert_malformed_custom",
    }
}

/// Why an action did not give values.
enum Failure {
    /// The script itself is at fault: it names what does not exist.
    Script(String),
    /// The module was refused.
    Compile(CompileError),
    /// An import does not exist.
    UnknownImport(String),
    /// The engine said no.
    Engine(Error),
}

impl Failure {
    fn describe(&self) -> String {
        match self {
            Self::Script(reason) => reason.clone(),
            Self::Compile(error) => format!("compile error: {error}"),
            Self::UnknownImport(reason) => format!("link error: {reason}"),
            Self::Engine(Error::Trap(trap)) => format!("trap: {}", trap.code().message()),
            Self::Engine(error) => format!("error: {error}"),
        }
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        Self::Compile(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

struct Script {
    agent: Agent,
    host: Host,
    definitions: HashMap<String, Module>,
    last_definition: Option<Module>,
    instances: HashMap<String, Instance>,
    last_instance: Option<Instance>,
    registered: HashMap<String, Instance>,
}

impl Script {
    fn new(engine: &Engine) -> Result<Self, String> {
        let agent = Agent::new(engine);
        let host = Host::new(&agent).map_err(|error| error.to_string())?;
        Ok(Self {
            agent,
            host,
            definitions: HashMap::new(),
            last_definition: None,
            instances: HashMap::new(),
            last_instance: None,
            registered: HashMap::new(),
        })
    }

    fn run(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(module) => self.module(module).map_err(|failure| failure.describe()),
            WastDirective::ModuleDefinition(module) => self.define(module).map_err(|failure| failure.describe()),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.instantiate_defined(instance, module).map_err(|failure| failure.describe())
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?.clone();
                self.registered.insert(name.to_owned(), instance);
                Ok(())
            }
            WastDirective::Invoke(invoke) => self.invoke(&invoke).map(drop).map_err(|failure| failure.describe()),
            WastDirective::AssertReturn { exec, results, .. } => {
                let found = self.execute(exec).map_err(|failure| failure.describe())?;
                values::compare_all(&found, &results)
            }
            WastDirective::AssertTrap { exec, message, .. } => expect_trap(self.execute(exec), message),
            WastDirective::AssertExhaustion { call, message, .. } => expect_trap(self.invoke(&call), message),
            WastDirective::AssertException { exec, .. } => expect_exception(self.execute(exec)),
            WastDirective::AssertUnlinkable { module, message, .. } => self.expect_unlinkable(module, message),
            WastDirective::AssertInvalid { module, message, .. } => self.expect_refused(module, message),
            WastDirective::AssertMalformed { module, message, .. } => self.expect_refused(module, message),
            WastDirective::AssertInvalidCustom { .. } | WastDirective::AssertMalformedCustom { .. } => {
                Err("the engine does not look into custom sections".into())
            }
            WastDirective::AssertSuspension { .. } => Err("suspensions are not supported".into()),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => Err("threads are not supported".into()),
        }
    }

    fn compile(&self, bytes: Vec<u8>) -> Result<Module, CompileError> {
        Module::new(self.agent.engine(), bytes)
    }

    /// `(module …)`: defines and instantiates.
    fn module(&mut self, mut module: QuoteWat<'_>) -> Result<(), Failure> {
        // What comes next means this module, whether or not it can be instantiated.
        self.last_instance = None;
        let name = module.name().map(|id| id.name().to_owned());
        let bytes = module.encode().map_err(|error| Failure::Script(error.message()))?;
        let module = self.compile(bytes)?;
        let instance = self.instantiate(&module)?;
        if let Some(name) = name {
            self.instances.insert(name, instance.clone());
        }
        self.last_instance = Some(instance);
        Ok(())
    }

    /// `(module definition …)`
    fn define(&mut self, mut module: QuoteWat<'_>) -> Result<(), Failure> {
        let name = module.name().map(|id| id.name().to_owned());
        let bytes = module.encode().map_err(|error| Failure::Script(error.message()))?;
        let module = self.compile(bytes)?;
        if let Some(name) = name {
            self.definitions.insert(name, module.clone());
        }
        self.last_definition = Some(module);
        Ok(())
    }

    /// `(module instance …)`
    fn instantiate_defined(&mut self, instance: Option<Id<'_>>, module: Option<Id<'_>>) -> Result<(), Failure> {
        let module = match module {
            Some(id) => self.definitions.get(id.name()),
            None => self.last_definition.as_ref(),
        };
        let module = module.cloned().ok_or_else(|| Failure::Script("unknown module definition".into()))?;
        let made = self.instantiate(&module)?;
        if let Some(id) = instance {
            self.instances.insert(id.name().to_owned(), made.clone());
        }
        self.last_instance = Some(made);
        Ok(())
    }

    fn instantiate(&self, module: &Module) -> Result<Instance, Failure> {
        let imports = module
            .imports()
            .map(|import| {
                self.import(import.module, import.name).ok_or_else(|| {
                    Failure::UnknownImport(format!("unknown import {:?} {:?}", import.module, import.name))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Instance::new(&self.agent, module, &imports)?)
    }

    fn import(&self, module: &str, name: &str) -> Option<Extern> {
        match self.registered.get(module) {
            Some(instance) => instance.get_export(name),
            None if module == "spectest" => self.host.export(name),
            None => None,
        }
    }

    fn instance(&self, id: Option<Id<'_>>) -> Result<&Instance, String> {
        match id {
            Some(id) => self.instances.get(id.name()).ok_or_else(|| format!("no instance is called ${}", id.name())),
            None => self.last_instance.as_ref().ok_or_else(|| "there is no instance".into()),
        }
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Vec<Val>, Failure> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(mut module) => {
                let bytes = module.encode().map_err(|error| Failure::Script(error.message()))?;
                let module = self.compile(bytes)?;
                self.instantiate(&module).map(|_| Vec::new())
            }
            WastExecute::Get { module, global, .. } => match self.export(module, global)? {
                Extern::Global(global) => Ok(vec![global.get()]),
                _ => Err(Failure::Script(format!("export {global:?} is no global"))),
            },
        }
    }

    fn export(&self, module: Option<Id<'_>>, name: &str) -> Result<Extern, Failure> {
        let instance = self.instance(module).map_err(Failure::Script)?;
        instance.get_export(name).ok_or_else(|| Failure::Script(format!("no export is called {name:?}")))
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Vec<Val>, Failure> {
        let Extern::Func(func) = self.export(invoke.module, invoke.name)? else {
            return Err(Failure::Script(format!("export {:?} is no function", invoke.name)));
        };
        let arguments = invoke
            .args
            .iter()
            .map(|arg| values::argument(&self.agent, arg))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Failure::Script)?;
        let mut results = vec![Val::I32(0); func.ty().results.len()];
        func.call(&arguments, &mut results)?;
        Ok(results)
    }

    /// `assert_unlinkable`: the module is fine, its imports are not.
    fn expect_unlinkable(&self, mut module: Wat<'_>, expected: &str) -> Result<(), String> {
        let bytes = module.encode().map_err(|error| error.message())?;
        let module = self.compile(bytes).map_err(|error| format!("compile error: {error}"))?;
        let found = match self.instantiate(&module) {
            Ok(_) => return Err(format!("expected link error {expected:?}, found an instance")),
            Err(Failure::UnknownImport(message)) => message,
            Err(Failure::Engine(Error::Link(error))) => error.to_string(),
            Err(other) => return Err(format!("expected link error {expected:?}, found {}", other.describe())),
        };
        if messages::begins_as(&found, expected) {
            Ok(())
        } else {
            Err(format!("expected link error {expected:?}, found {found:?}"))
        }
    }

    /// `assert_invalid` and `assert_malformed`. Text that the text format's parser refuses is none of the engine's business; it
    /// only has to be refused.
    fn expect_refused(&self, mut module: QuoteWat<'_>, expected: &str) -> Result<(), String> {
        let written_in_text = match &module {
            QuoteWat::QuoteModule(..) | QuoteWat::QuoteComponent(..) => true,
            QuoteWat::Wat(Wat::Module(module)) => matches!(module.kind, ModuleKind::Text(_)),
            QuoteWat::Wat(Wat::Component(_)) => false,
        };
        let bytes = match module.to_test() {
            Ok(QuoteWatTest::Binary(bytes)) => Ok(bytes),
            Ok(QuoteWatTest::Text(text)) => encode_text(&text),
            Err(error) => Err(error.message()),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(_) if written_in_text => return Ok(()),
            Err(message) => return Err(format!("expected compile error {expected:?}, found no binary: {message}")),
        };
        match self.compile(bytes) {
            Ok(_) => Err(format!("expected compile error {expected:?}, found a valid module")),
            Err(error) if messages::compile_error_matches(&error.message, expected) => Ok(()),
            Err(error) => Err(format!("expected compile error {expected:?}, found {:?}", error.message)),
        }
    }
}

fn encode_text(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let buffer = ParseBuffer::new(text).map_err(|error| error.message())?;
    let mut wat = parser::parse::<Wat<'_>>(&buffer).map_err(|error| error.message())?;
    wat.encode().map_err(|error| error.message())
}

/// `assert_trap` and `assert_exhaustion`
fn expect_trap(result: Result<Vec<Val>, Failure>, expected: &str) -> Result<(), String> {
    match result {
        Ok(values) => Err(format!("expected trap {expected:?}, found {} results", values.len())),
        Err(Failure::Engine(Error::Trap(trap))) if messages::trap_matches(trap.code().message(), expected) => Ok(()),
        Err(other) => Err(format!("expected trap {expected:?}, found {}", other.describe())),
    }
}

/// `assert_exception`
fn expect_exception(result: Result<Vec<Val>, Failure>) -> Result<(), String> {
    match result {
        Ok(values) => Err(format!("expected an exception, found {} results", values.len())),
        Err(other) => Err(format!("expected an exception, found {}", other.describe())),
    }
}
