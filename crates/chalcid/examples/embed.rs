//! The ten lines that an embedder needs: compile, import, instantiate, call.

use chalcid::{Agent, Engine, Func, FuncType, Instance, Module, Val, ValType};

const WAT: &str = r#"
    (module
      (import "host" "print" (func $print (param i32)))
      (func (export "run") (param $n i32)
        (loop
          (call $print (local.get $n))
          (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(WAT)?)?;
    let agent = Agent::new(&engine);
    let ty = FuncType { params: [ValType::I32].into(), results: [].into() };
    let print = Func::new(&agent, ty, |args, _| {
        println!("{:?}", args[0]);
        Ok(())
    })?;
    let instance = Instance::new(&agent, &module, &[print.into()])?;
    instance.get_func("run").ok_or("no export named run")?.call(&[Val::I32(3)], &mut [])?;
    Ok(())
}
