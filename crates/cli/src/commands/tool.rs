//! `segue tool`: the registry, and any tool by hand.

use std::io::Read;
use std::process::ExitCode;

use segue_agent::{Plan, Step};
use serde_json::Value as Json;

use crate::args::Tool;
use crate::commands::run::show_execution;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};

pub(crate) async fn run(house: &House, args: &Tool, output: &mut Output) -> Result<ExitCode, Failure> {
    let door = house.open(&[])?;
    match args {
        Tool::List => {
            let specs = door.agent.specs();
            if output.is_json() {
                output.json(&specs);
                return Ok(ExitCode::SUCCESS);
            }
            let width = specs.iter().map(|s| s.name.len()).max().unwrap_or_default();
            for spec in specs {
                let name = output.styles().name.paint(format!("{:width$}", spec.name));
                output.line(format!("{name}  {}", tame(&spec.summary)));
            }
        }
        Tool::Show { name } => {
            door.registry.get(name).map_err(|e| Failure::usage(e).at("name"))?;
            let Some(spec) = door.agent.specs().iter().find(|s| s.name == *name) else {
                return Err(Failure::usage(format!("there is no tool `{name}`")));
            };
            if output.is_json() {
                output.json(spec);
                return Ok(ExitCode::SUCCESS);
            }
            let styles = output.styles();
            output.line(format!("{}  {}", styles.strong.paint(&spec.name), tame(&spec.summary)));
            output.line(format!("\n{}\n", spec.description));
            output.line(format!(
                "role {:?}, effect {:?}, cost {:?}, at most {} s",
                spec.role,
                spec.effect,
                spec.cost,
                spec.timeout_ms as f64 / 1000.0
            ));
            output.line(format!("\n{}", styles.strong.paint("arguments")));
            output.line(serde_json::to_string_pretty(&spec.schema).unwrap_or_default());
            if !spec.examples.is_empty() {
                output.line(format!("\n{}", styles.strong.paint("examples")));
            }
            for example in &spec.examples {
                output.line(format!("  {}", styles.dim.paint(tame(&example.request))));
                output.line(format!("  segue tool call {} '{}'", spec.name, example.args));
            }
        }
        Tool::Call { name, args, count } => {
            let text = if args == "-" { read_standard_input()? } else { args.clone() };
            let args: Json = serde_json::from_str(&text).map_err(|e| {
                Failure::usage(format!("the arguments are not JSON: {e}"))
                    .at("args")
                    .remedy(format!("`segue tool show {name}` prints the schema and examples"))
            })?;
            let step = Step { id: "s1".to_owned(), tool: name.clone(), args, within: None };
            let plan = Plan { steps: vec![step] };
            return show_execution(&door, &plan, usize::from(*count), output).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything on standard input.
pub(crate) fn read_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|e| Failure::new("input", format!("cannot read standard input: {e}")))?;
    Ok(text)
}
