use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use segue_world::{World, fs};

use super::{ConfigError, Entry, Kind, ModelSource, ModelsConfig, Prices, ResolvedModel, TaskRole, Weights};
use crate::chat::{EndpointOptions, OPENAI_BASE_URL};

const KEY: &str = "OPENAI_API_KEY";
const BASE_URL: &str = "OPENAI_BASE_URL";
/// Longer waits are a slip of the pen.
const LONGEST_WAIT: f64 = 86_400.0;

impl ModelsConfig {
    /// The model for a role: the one given (`--model`), or the role's own, or the only one there is. `None` if nobody
    /// named any: a key in the environment alone starts nothing that costs money.
    ///
    /// A name that is not in the file is the server's own name for a model at `OPENAI_BASE_URL`; where that is not set, a
    /// chat model of the shelf, and else a model at OpenAI.
    pub fn resolve(
        &self,
        role: TaskRole,
        given: Option<&str>,
        world: &dyn World,
    ) -> Result<Option<ResolvedModel>, ConfigError> {
        let models = &self.document.models;
        let own = self.document.roles.of(role);
        let only = models.keys().next().map(String::as_str).filter(|_| models.len() == 1);
        let Some(name) = given.or(own).or(only) else { return Ok(None) };
        let model = match models.get(name) {
            Some(entry) => self.open(name, entry, world)?,
            None if given.is_some() => self.elsewhere(name, world)?,
            None => {
                return Err(self
                    .fault(name, &format!("`[roles]` names it for `{}`, and it is not there", role.name())));
            }
        };
        Ok(Some(model))
    }

    fn open(&self, name: &str, entry: &Entry, world: &dyn World) -> Result<ResolvedModel, ConfigError> {
        let source = match entry.kind {
            Kind::Openai => ModelSource::OpenAi(self.endpoint(name, entry, world)?),
            Kind::Gguf if entry.base_url.is_some() => {
                return Err(self.fault(name, "it is a file and has no `base_url`; take that out, or `kind`"));
            }
            Kind::Gguf => {
                ModelSource::Gguf { weights: self.weights(&entry.model), context_window: entry.context }
            }
        };
        let prices = match (entry.price_in, entry.price_out) {
            (None, None) => None,
            (input, output) => {
                let prices = Prices { input: input.unwrap_or(0.0), output: output.unwrap_or(0.0) };
                if [prices.input, prices.output].iter().any(|price| !price.is_finite() || *price < 0.0) {
                    return Err(self.fault(name, "a price is no number from 0 up"));
                }
                Some(prices)
            }
        };
        Ok(ResolvedModel { name: name.to_owned(), source, prices })
    }

    /// A name on the shelf is one plain word; a file is looked for beside `workspace.toml`.
    fn weights(&self, model: &str) -> Weights {
        let ends = Path::new(model).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
        match ends || model.contains(['/', '\\']) {
            true => Weights::File(self.path.parent().unwrap_or(Path::new("")).join(model)),
            false => Weights::Shelf(model.to_owned()),
        }
    }

    fn endpoint(&self, name: &str, entry: &Entry, world: &dyn World) -> Result<EndpointOptions, ConfigError> {
        let base_url = entry.base_url.clone().unwrap_or_else(|| default_base_url(world));
        let mut options = with_proxy(EndpointOptions::new(base_url, &entry.model), world);
        options.key = self.key(name, entry, world)?;
        options.headers.clone_from(&entry.headers);
        if entry.proxy.is_some() {
            options.proxy.clone_from(&entry.proxy);
        }
        for (wait, given) in [
            (&mut options.connect_timeout, entry.timeouts.connect),
            (&mut options.first_token_timeout, entry.timeouts.first_token),
            (&mut options.stall_timeout, entry.timeouts.stall),
            (&mut options.total_timeout, entry.timeouts.total),
        ] {
            if let Some(seconds) = given {
                *wait = Duration::try_from_secs_f64(seconds)
                    .ok()
                    .filter(|_| seconds > 0.0 && seconds <= LONGEST_WAIT)
                    .ok_or_else(|| self.fault(name, "a time-out is not between 0 and 86400 seconds"))?;
            }
        }
        options.max_retries = entry.max_retries.unwrap_or(options.max_retries);
        options.max_reply_bytes = entry.max_reply_bytes.unwrap_or(options.max_reply_bytes);
        options.stream = entry.stream.unwrap_or(options.stream);
        options.context_window = entry.context;
        Ok(options)
    }

    /// The key that the entry names. `OPENAI_API_KEY` goes only where `OPENAI_BASE_URL` or nobody says to go, never
    /// to an address in the file.
    fn key(&self, name: &str, entry: &Entry, world: &dyn World) -> Result<Option<SecretString>, ConfigError> {
        match (&entry.key_env, &entry.key_file) {
            (Some(_), Some(_)) => Err(self.fault(name, "it has both `key_env` and `key_file`; take one out")),
            (Some(variable), None) => match world.env(variable).filter(|key| !key.trim().is_empty()) {
                Some(key) => Ok(Some(key.trim().into())),
                None => {
                    Err(self.fault(name, &format!("the environment has no `{variable}`; set it to the key")))
                }
            },
            (None, Some(file)) => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                let key = fs::read_to_string(&folder.join(file))?;
                match key.trim() {
                    "" => Err(self.fault(name, &format!("`{}` is empty", file.display()))),
                    key => Ok(Some(key.into())),
                }
            }
            (None, None) if entry.base_url.is_none() => Ok(set(world, KEY).map(SecretString::from)),
            (None, None) => Ok(None),
        }
    }

    /// A model that the file does not name: at the address that the environment does, or on the shelf.
    fn elsewhere(&self, name: &str, world: &dyn World) -> Result<ResolvedModel, ConfigError> {
        let (key, base_url) = (set(world, KEY), set(world, BASE_URL));
        if base_url.is_none() && self.on_shelf.iter().any(|known| known == name) {
            let source = ModelSource::Gguf { weights: Weights::Shelf(name.to_owned()), context_window: None };
            return Ok(ResolvedModel { name: name.to_owned(), source, prices: None });
        }
        if key.is_none() && base_url.is_none() {
            let known: Vec<_> = self.names().chain(self.on_shelf.iter().map(String::as_str)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ConfigError::Unknown { name: name.to_owned(), path: self.path.clone(), known });
        }
        let mut options = with_proxy(EndpointOptions::new(default_base_url(world), name), world);
        options.key = key.map(SecretString::from);
        Ok(ResolvedModel { name: name.to_owned(), source: ModelSource::OpenAi(options), prices: None })
    }

    fn fault(&self, model: &str, reason: &str) -> ConfigError {
        ConfigError::Model { model: model.to_owned(), path: self.path.clone(), reason: reason.to_owned() }
    }
}

fn default_base_url(world: &dyn World) -> String {
    set(world, BASE_URL).unwrap_or_else(|| OPENAI_BASE_URL.to_owned())
}

/// The proxy of the environment, by the usual names.
fn with_proxy(mut options: EndpointOptions, world: &dyn World) -> EndpointOptions {
    let names: &[&str] = if options.base_url.starts_with("https:") {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        // Not `HTTP_PROXY`: where a web server runs us, that is a header of the request.
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    options.proxy = names.iter().find_map(|name| set(world, name));
    options.no_proxy = ["no_proxy", "NO_PROXY"].iter().find_map(|name| set(world, name));
    options
}

fn set(world: &dyn World, name: &str) -> Option<String> {
    world.env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
