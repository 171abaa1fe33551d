//! From what is written in a suite's file to a [`Suite`] that fits together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use segue_catalog::text::nearest_name;
use toml::Spanned;

use super::spec::{DataSpec, GateSpec, Part, RetrieverName, SuiteSpec, VariantSpec};
use super::{
    AdapterKind, Data, DataPlace, Demand, Evidence, Gate, PlannerName, Search, SimulatedUser, Suite,
    SuiteError, System, Variant,
};
use crate::metrics::beyond::counts_distinct;
use crate::metrics::{self, Metric, Scope};

/// Turns of a simulated user, and items of an answer looked at.
const MOST: usize = 50;

pub(super) fn parse(text: &str, path: &Path) -> Result<Suite, SuiteError> {
    let file = File { text, path };
    let spec: SuiteSpec = toml::from_str(text).map_err(|e| file.malformed(&e))?;
    if !is_name(spec.name.get_ref()) {
        let name = spec.name.get_ref();
        let message =
            format!("the name `{name}` should be letters, digits, `-` and `_`: a folder is named by it");
        return Err(file.wrong(spec.name.span(), message));
    }
    let wants_embeddings = spec.data.get_ref().embeddings;
    let mut data = file.data(spec.data)?;
    let user = file.user(spec.user, data.adapter)?;
    let is_conversation = data.adapter == AdapterKind::Cpcd;
    let mut measured: Vec<Metric> = Vec::new();
    for metric in &spec.metrics {
        let known =
            metrics::metric(metric.get_ref()).map_err(|e| file.wrong(metric.span(), e.to_string()))?;
        let of_lists = counts_distinct(known) && data.adapter == AdapterKind::Interactions;
        if known.info.scope != Scope::Case && !of_lists {
            let message = format!("`{known}` is not measured case by case; costs are reported in any case");
            return Err(file.wrong(metric.span(), message));
        }
        if measured.contains(&known) {
            return Err(file.wrong(metric.span(), format!("`{}` stands here twice", metric.get_ref())));
        }
        measured.push(known);
    }
    if measured.is_empty() {
        return Err(file.wrong(0..0, "`metrics` names none; `metrics = [\"ndcg@10\"]`, say".to_owned()));
    }
    let mut variants: Vec<Variant> = Vec::new();
    for variant in spec.variants {
        let span = variant.span();
        for variant in file.variants(variant)? {
            if variants.iter().any(|v| v.name == variant.name) {
                let message = format!("there are two variants `{}`; give one another name", variant.name);
                return Err(file.wrong(span, message));
            }
            let is_search = !matches!(variant.system, System::Agent { .. });
            if variant.query.is_some() != (is_conversation && is_search) {
                let message = match variant.query {
                    Some(_) => "`query` is only for searches in conversations; leave it out",
                    None => "a search in a conversation needs a `query`: \"current\", \"history\", …",
                };
                return Err(file.wrong(span, format!("variant `{}`: {message}", variant.name)));
            }
            if let System::Search(search @ (Search::Popular | Search::Neighbours)) = &variant.system
                && data.adapter != AdapterKind::Interactions
            {
                let message = format!("`{}` is only for `adapter = \"interactions\"`", search.name());
                return Err(file.wrong(span, format!("variant `{}`: {message}", variant.name)));
            }
            variants.push(variant);
        }
    }
    let recordings = variants.iter().filter_map(|variant| match &variant.system {
        System::Agent { recording: Some(file), .. } => Some((file.clone(), variant.name.clone())),
        _ => None,
    });
    let mut recorded = std::collections::BTreeMap::new();
    for (path, name) in recordings {
        if let Some(other) = recorded.insert(path, name.clone()) {
            let message =
                format!("`{other}` and `{name}` have the same `recording`; give each a file of its own");
            return Err(file.wrong(0..0, message));
        }
    }
    if variants.is_empty() {
        return Err(file.wrong(0..0, "`[[variants]]` names nothing to run".to_owned()));
    }
    data.embeddings =
        wants_embeddings.unwrap_or_else(|| variants.iter().any(|v| v.system.may_search_by_meaning()));
    if let Some(variant) = variants.iter().find(|v| !data.embeddings && v.system.needs_embeddings()) {
        let message =
            format!("variant `{}` searches by meaning, and `data` says `embeddings = false`", variant.name);
        return Err(file.wrong(0..0, message));
    }
    let reference = match spec.reference {
        Some(name) => file.position(&variants, name.get_ref(), &name.span())?,
        None => 0,
    };
    let mut gates = Vec::new();
    for gate in spec.gate {
        gates.push(file.gate(gate, &measured, &variants)?);
    }
    Ok(Suite {
        name: spec.name.into_inner(),
        description: spec.description,
        path: path.to_owned(),
        text: text.to_owned(),
        data,
        user,
        metrics: measured,
        variants,
        reference,
        repeats: file.at_least_one(spec.repeats, "repeats")?.unwrap_or(1),
        seed: spec.seed,
        concurrency: file.at_least_one(spec.concurrency, "concurrency")?.map(|n| n as usize),
        rate_limit: file.rate(spec.rate_limit)?,
        gates,
    })
}

struct File<'a> {
    text: &'a str,
    path: &'a Path,
}

impl File<'_> {
    fn data(&self, spec: Spanned<DataSpec>) -> Result<Data, SuiteError> {
        let span = spec.span();
        let spec = spec.into_inner();
        let place = match (spec.path, spec.shelf) {
            (Some(path), None) => DataPlace::Folder(path),
            (None, Some(name)) => DataPlace::Shelf(name),
            _ => {
                let message = "`data` should have a `path` (beside this file or under `SEGUE_DATA`) or the name of a data \
                               set on the `shelf`, and not both";
                return Err(self.wrong(span, message.to_owned()));
            }
        };
        if spec.limit == Some(0) {
            return Err(self.wrong(span, "`limit` should be 1 or more, or left out".to_owned()));
        }
        let split = spec.split.unwrap_or_else(|| "test".to_owned());
        if !is_name(&split) {
            return Err(
                self.wrong(span, format!("the split `{split}` should be letters, digits, `-` and `_`"))
            );
        }
        let has_parts = matches!(spec.adapter, AdapterKind::Sgd | AdapterKind::Bfcl);
        if let Some(part) = spec.parts.iter().find(|part| !has_parts || !is_name(part)) {
            let message = match has_parts {
                true => format!("the part `{part}` should be letters, digits, `-` and `_`"),
                false => "`parts` is only for `adapter = \"sgd\"` and \"bfcl\"".to_owned(),
            };
            return Err(self.wrong(span, message));
        }
        let has_cases = spec.adapter == AdapterKind::Conversations;
        if spec.cases.is_empty() == has_cases {
            let message = match has_cases {
                true => {
                    "`cases` names no files of conversations: `cases = [\"../agent/films-unseen.jsonl\"]`, say"
                }
                false => "`cases` is only for `adapter = \"conversations\"`",
            };
            return Err(self.wrong(span, message.to_owned()));
        }
        let has_map = has_cases || matches!(spec.adapter, AdapterKind::Simulated | AdapterKind::Interactions);
        if spec.map.is_some() && !has_map {
            let message =
                "`map` is only for `adapter = \"conversations\"`, \"simulated\" or \"interactions\""
                    .to_owned();
            return Err(self.wrong(span, message));
        }
        if spec.at_least.is_some() && spec.adapter != AdapterKind::Interactions {
            return Err(self.wrong(span, "`at_least` is only for `adapter = \"interactions\"`".to_owned()));
        }
        if !spec.judgments.is_empty() && spec.adapter != AdapterKind::Beir {
            return Err(self.wrong(span, "`judgments` is only for `adapter = \"beir\"`".to_owned()));
        }
        let judgments = spec.judgments.iter().map(|file| self.beside(file)).collect();
        let cases = spec.cases.iter().map(|file| self.beside(file)).collect();
        let map = spec.map.as_ref().map(|map| self.beside(map));
        let DataSpec { adapter, limit, parts, at_least, embedding_model, .. } = spec;
        let embeddings = false;
        Ok(Data {
            adapter,
            place,
            split,
            limit,
            parts,
            embeddings,
            embedding_model,
            map,
            cases,
            at_least,
            judgments,
        })
    }

    fn user(
        &self,
        user: Option<Spanned<SimulatedUser>>,
        adapter: AdapterKind,
    ) -> Result<Option<SimulatedUser>, SuiteError> {
        let Some(user) = user else { return Ok(None) };
        let span = user.span();
        if adapter != AdapterKind::Simulated {
            return Err(self.wrong(span, "`user` is only for `adapter = \"simulated\"`".to_owned()));
        }
        let user = user.into_inner();
        for (key, value) in [("patience", user.patience), ("looks_at", user.looks_at)] {
            if !(1..=MOST).contains(&value) {
                return Err(self.wrong(span, format!("`{key}` should be from 1 to {MOST}")));
            }
        }
        Ok(Some(user))
    }

    /// The variant, or one for each list of weights that is to be tried.
    fn variants(&self, spec: Spanned<VariantSpec>) -> Result<Vec<Variant>, SuiteError> {
        let span = spec.span();
        let spec = spec.into_inner();
        let wrong =
            |message: String| Err(self.wrong(span.clone(), format!("variant `{}`: {message}", spec.name)));
        if spec.name.trim().is_empty() || spec.name.chars().any(char::is_control) {
            return wrong("a name should be visible on one line".to_owned());
        }
        self.keys_fit(&spec, &span)?;
        let one = |system| Ok(vec![Variant { name: spec.name.clone(), system, query: spec.query }]);
        if let Some(planner) = spec.planner {
            if planner == PlannerName::Rules && (spec.model.is_some() || spec.prompts.is_some()) {
                return wrong("`rules` asks no model; leave `model` and `prompts` out".to_owned());
            }
            if planner != PlannerName::Rules && spec.model.is_none() {
                return wrong(
                    "this planner needs a `model`, as `workspace.toml` or the shelf names it".to_owned(),
                );
            }
            let (model, without) = (spec.model.clone(), spec.without.clone());
            let prompts = spec.prompts.as_ref().map(|folder| self.beside(folder));
            let recording = spec.recording.as_ref().map(|file| self.beside(file));
            return one(System::Agent { planner, model, without, prompts, recording });
        }
        let words =
            || Search::Bm25(spec.fields.iter().map(|(name, weight)| (name.clone(), *weight)).collect());
        let parts: Vec<Search> = match spec.retriever {
            Some(RetrieverName::Bm25) => return one(System::Search(words())),
            Some(RetrieverName::Popular) => return one(System::Search(Search::Popular)),
            Some(RetrieverName::Neighbours) => return one(System::Search(Search::Neighbours)),
            Some(RetrieverName::Embedding) => return one(System::Search(Search::Embedding)),
            _ => spec
                .parts
                .iter()
                .map(|p| if *p == Part::Bm25 { words() } else { Search::Embedding })
                .collect(),
        };
        if parts.len() < 2 {
            return wrong(
                "a fusion needs two `parts` or more: `parts = [\"bm25\", \"embedding\"]`".to_owned(),
            );
        }
        if spec.depth == Some(0) {
            return wrong("`depth` should be 1 or more, or left out".to_owned());
        }
        let method = spec.method.unwrap_or_default();
        let lists = match (&spec.weights, &spec.try_weights) {
            (Some(_), Some(_)) => return wrong("give `weights` or `try_weights`, not both".to_owned()),
            (_, Some(lists)) => lists.clone(),
            (weights, None) => vec![weights.clone().unwrap_or_else(|| vec![1.0; parts.len()])],
        };
        let mut made = Vec::new();
        for weights in lists {
            let usable =
                weights.iter().all(|w| w.is_finite() && *w >= 0.0) && weights.iter().any(|w| *w > 0.0);
            if weights.len() != parts.len() || !usable {
                return wrong(format!(
                    "weights should be one for each of the {} parts, 0 or more, one above 0",
                    parts.len()
                ));
            }
            let name = match spec.try_weights {
                Some(_) => format!(
                    "{} {}",
                    spec.name,
                    weights.iter().map(f64::to_string).collect::<Vec<_>>().join(":")
                ),
                None => spec.name.clone(),
            };
            let (parts, depth) = (parts.clone(), spec.depth);
            let system = System::Fusion { parts, method, weights, depth };
            made.push(Variant { name, system, query: spec.query });
        }
        Ok(made)
    }

    /// A key that the kind of variant does not read would be ignored without a word.
    fn keys_fit(&self, spec: &VariantSpec, span: &Range<usize>) -> Result<(), SuiteError> {
        let by_words = spec.retriever == Some(RetrieverName::Bm25) || spec.parts.contains(&Part::Bm25);
        let is_fusion = spec.retriever == Some(RetrieverName::Fusion);
        let is_agent = spec.planner.is_some();
        let message = match (spec.retriever, is_agent) {
            (None, false) => "it has neither a `retriever` nor a `planner`".to_owned(),
            (Some(_), true) => "it has a `retriever` and a `planner`; leave one out".to_owned(),
            _ => {
                let keys = [
                    ("fields", !spec.fields.is_empty(), by_words, "variants with `bm25`"),
                    ("parts", !spec.parts.is_empty(), is_fusion, "`retriever = \"fusion\"`"),
                    ("method", spec.method.is_some(), is_fusion, "`retriever = \"fusion\"`"),
                    ("weights", spec.weights.is_some(), is_fusion, "`retriever = \"fusion\"`"),
                    ("try_weights", spec.try_weights.is_some(), is_fusion, "`retriever = \"fusion\"`"),
                    ("depth", spec.depth.is_some(), is_fusion, "`retriever = \"fusion\"`"),
                    ("query", spec.query.is_some(), !is_agent, "variants with a `retriever`"),
                    ("model", spec.model.is_some(), is_agent, "variants with a `planner`"),
                    ("without", !spec.without.is_empty(), is_agent, "variants with a `planner`"),
                    ("prompts", spec.prompts.is_some(), is_agent, "variants with a `planner`"),
                    ("recording", spec.recording.is_some(), spec.model.is_some(), "variants with a `model`"),
                ];
                match keys.iter().find(|(_, there, fits, _)| *there && !*fits) {
                    Some((key, _, _, whose)) => format!("`{key}` is only for {whose}"),
                    None => return Ok(()),
                }
            }
        };
        Err(self.wrong(span.clone(), format!("variant `{}`: {message}", spec.name)))
    }

    fn gate(
        &self,
        spec: Spanned<GateSpec>,
        measured: &[Metric],
        variants: &[Variant],
    ) -> Result<Gate, SuiteError> {
        let span = spec.span();
        let spec = spec.into_inner();
        let Some(metric) = measured.iter().copied().find(|m| m.to_string() == spec.metric) else {
            let names: Vec<String> = measured.iter().map(ToString::to_string).collect();
            let nearest = did_you_mean(&spec.metric, names.iter().map(String::as_str));
            let message = format!(
                "the suite does not measure `{}`{nearest}; it measures {}",
                spec.metric,
                names.join(", ")
            );
            return Err(self.wrong(span, message));
        };
        for name in spec.variant.iter().chain(&spec.better_than) {
            self.position(variants, name, &span)?;
        }
        if spec.allowed_drop.is_some() && counts_distinct(metric) {
            let message = format!(
                "`{metric}` is of a whole run, and a baseline has cases; use `limit` or `better_than`"
            );
            return Err(self.wrong(span, message));
        }
        for (key, there, with, fits) in [
            (
                "evidence",
                spec.evidence.is_some(),
                "allowed_drop` and `better_than",
                spec.allowed_drop.is_some() || spec.better_than.is_some(),
            ),
            (
                "times",
                spec.times.is_some(),
                "better_than",
                spec.better_than.is_some() && !counts_distinct(metric),
            ),
        ] {
            if there && !fits {
                return Err(self.wrong(span, format!("`{key}` is only for `{with}`")));
            }
        }
        let is_number = |x: f64| x.is_finite();
        let demand = match (spec.limit, spec.allowed_drop, spec.better_than) {
            (Some(limit), None, None) if is_number(limit) => Demand::Limit(limit),
            (None, Some(drop), None) if is_number(drop) && drop >= 0.0 => {
                Demand::AllowedDrop { drop, evidence: spec.evidence.unwrap_or_default() }
            }
            (None, None, Some(_)) if spec.variant.is_none() => {
                return Err(
                    self.wrong(span, "`better_than` needs the `variant` that is to be better".to_owned())
                );
            }
            (None, None, Some(variant)) => {
                let times = spec.times.unwrap_or(1.0);
                if !is_number(times) || times <= 0.0 {
                    return Err(self.wrong(span, "`times` should be above 0".to_owned()));
                }
                Demand::BetterThan { variant, times, evidence: spec.evidence.unwrap_or(Evidence::Interval) }
            }
            _ => {
                let message =
                    "a gate should have exactly one of `limit`, `allowed_drop` (0 or more) and `better_than`";
                return Err(self.wrong(span, message.to_owned()));
            }
        };
        Ok(Gate { metric, variant: spec.variant, demand })
    }

    fn position(&self, variants: &[Variant], name: &str, span: &Range<usize>) -> Result<usize, SuiteError> {
        variants.iter().position(|v| v.name == name).ok_or_else(|| {
            let known: BTreeSet<&str> = variants.iter().map(|v| v.name.as_str()).collect();
            let nearest = did_you_mean(name, known.iter().copied());
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            self.wrong(span.clone(), format!("there is no variant `{name}`{nearest}; there are {known}"))
        })
    }

    fn at_least_one(&self, number: Option<Spanned<u32>>, key: &str) -> Result<Option<u32>, SuiteError> {
        match number {
            Some(n) if *n.get_ref() == 0 => Err(self.wrong(n.span(), format!("`{key}` should be 1 or more"))),
            other => Ok(other.map(Spanned::into_inner)),
        }
    }

    fn rate(&self, rate: Option<Spanned<f64>>) -> Result<Option<f64>, SuiteError> {
        match rate {
            Some(r) if !r.get_ref().is_finite() || *r.get_ref() <= 0.0 => {
                Err(self.wrong(r.span(), "`rate_limit` should be above 0: cases a second".to_owned()))
            }
            other => Ok(other.map(Spanned::into_inner)),
        }
    }

    fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    fn malformed(&self, error: &toml::de::Error) -> SuiteError {
        let mut message = error.message().trim_end().replace('\n', "; ");
        // serde says: unknown field `colum`, expected one of `name`, `role`, …; of an enumeration: unknown variant …
        for (prefix, thing, all) in
            [("unknown field `", "key", "keys"), ("unknown variant `", "value", "values")]
        {
            if let Some(rest) = message.strip_prefix(prefix) {
                let mut quoted = rest.split('`');
                let unknown = quoted.next().unwrap_or_default().to_owned();
                let known: Vec<_> = quoted.skip(1).step_by(2).collect();
                let nearest = did_you_mean(&unknown, known.iter().copied());
                message = format!(
                    "there is no {thing} `{unknown}` here{nearest}; the {all} are {}",
                    known.join(", ")
                );
                break;
            }
        }
        self.wrong(error.span().unwrap_or(0..0), message)
    }

    fn wrong(&self, span: Range<usize>, message: String) -> SuiteError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        SuiteError::Wrong { path: self.path.to_owned(), line: 1 + before.matches('\n').count(), message }
    }
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest_name(name, known).map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}
