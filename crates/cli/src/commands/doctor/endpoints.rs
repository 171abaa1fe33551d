//! The models of `workspace.toml` and of the environment: keys, servers, weights.

use std::time::Duration;

use segue_models::{
    Endpoint, IN_PROCESS, ListingError, ModelSource, ModelsConfig, ResolvedModel, TaskRole, Weights,
};
use segue_world::fs;
use tokio::task::JoinSet;

use super::{Finding, Report, Severity};
use crate::house::House;

/// How long a server may take to list its models.
const LONGEST: Duration = Duration::from_secs(4);

pub(super) async fn check(house: &House, offline: bool, report: &mut Report) {
    report.looking_at("models and endpoints");
    let config = match house.models() {
        Ok(config) => config,
        Err(failure) => return report.failed(Severity::Error, "settings", failure),
    };
    for role in [TaskRole::Plan, TaskRole::Judge, TaskRole::Write, TaskRole::Generate] {
        if let (true, Err(error)) = (config.assigns(role), config.resolve(role, None, house.world().as_ref()))
        {
            report.failed(Severity::Error, "role", error);
        }
    }
    let mut asked = JoinSet::new();
    for (name, model) in models(house, &config, report) {
        match model.source {
            ModelSource::Gguf { weights, .. } => of_weights(house, &name, &weights, report),
            ModelSource::OpenAi(options) => {
                let (wanted, address) = (options.model.clone(), options.base_url.clone());
                match Endpoint::new(options, house.world().clone()) {
                    Err(error) => report.failed(Severity::Error, "endpoint", error),
                    Ok(endpoint) if !offline => {
                        asked.spawn(
                            async move { (name, wanted, address, endpoint.list_models(LONGEST).await) },
                        );
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    let mut answers = asked.join_all().await;
    answers.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, wanted, address, answer) in answers {
        let finding = |severity, message: String| {
            let finding = Finding::new(severity, "endpoint", format!("the model `{name}`: {message}"));
            Finding { at: Some(address.clone()), ..finding }
        };
        match answer {
            Ok(listed) if name == FROM_ENVIRONMENT || listed.contains(&wanted) => {}
            Ok(listed) => {
                let known: Vec<&str> = listed.iter().take(8).map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("the server lists no `{wanted}`");
                report.push(finding(Severity::Warning, message).remedy(format!("it lists: {known}")));
            }
            Err(error @ ListingError::Unreachable(_)) => {
                let remedy =
                    "start the server, or correct `base_url`; meanwhile the rules plan, and answers say so";
                report.push(finding(Severity::Warning, error.to_string()).remedy(remedy));
            }
            Err(error @ ListingError::Refused(_)) => {
                report.push(
                    finding(Severity::Error, error.to_string())
                        .remedy("look at the key that `key_env` or `key_file` names"),
                );
            }
            Err(error @ ListingError::NoList(_)) => {
                report.push(
                    finding(Severity::Note, error.to_string()).remedy("ask it something: segue ask --model"),
                );
            }
        }
    }
}

/// What stands for a model that only the environment knows.
const FROM_ENVIRONMENT: &str = "OPENAI_BASE_URL";

/// Every model that can be opened, with its name; what cannot is a finding.
fn models(house: &House, config: &ModelsConfig, report: &mut Report) -> Vec<(String, ResolvedModel)> {
    let world = house.world().as_ref();
    let mut found = Vec::new();
    let is_set = world.env(FROM_ENVIRONMENT).is_some_and(|value| !value.trim().is_empty());
    let names = config.names().map(|name| (name.to_owned(), name.to_owned()));
    // Any name that the file does not have is a model of that server.
    let names = names.chain(is_set.then(|| (FROM_ENVIRONMENT.to_owned(), "\u{1}".to_owned())));
    for (name, asked) in names {
        match config.resolve(TaskRole::Plan, Some(&asked), world) {
            Ok(Some(model)) => found.push((name, model)),
            Ok(None) => {}
            Err(error) => report.failed(Severity::Error, "model", error),
        }
    }
    found
}

fn of_weights(house: &House, name: &str, weights: &Weights, report: &mut Report) {
    if !IN_PROCESS {
        let message = format!("the model `{name}` is to run in this process, which this build cannot");
        let finding = Finding::new(Severity::Error, "model", message);
        report.push(finding.remedy("cargo build --release --features gguf"));
    }
    match weights {
        Weights::File(path) if !fs::exists(path) => {
            let finding =
                Finding::new(Severity::Error, "model", format!("the weights of `{name}` are not there"));
            report.push(finding.at(path).remedy("put them there, or correct `model` in workspace.toml"));
        }
        Weights::Shelf(resource) if house.shelf().is_ok_and(|shelf| !shelf.is_there(resource)) => {
            let message = format!("the weights of `{name}` are not on the shelf");
            report.push(
                Finding::new(Severity::Error, "model", message)
                    .remedy(format!("segue models pull {resource}")),
            );
        }
        _ => {}
    }
}
