//! Holds assertions against what a turn did.

use segue_agent::{Answer, CallAnswer, CallOutcome, Session, TurnReport, Understood};
use segue_models::ChatRequest;
use segue_retrieval::Engine;
use serde_json::Value as Json;

use super::assertion::{ErrorIs, List, Meant, Meter, OfCall, What, Which, plain_condition, unknown};
use super::scan::Words;

/// What came of a turn.
pub(super) struct Seen<'a> {
    pub(super) engine: &'a Engine,
    /// The tools that there are.
    pub(super) tools: &'a [String],
    pub(super) report: &'a TurnReport,
    /// The conversation after the turn.
    pub(super) session: &'a Session,
    /// What the model was asked in the turn.
    pub(super) asked: &'a [ChatRequest],
    /// True if wall time counts.
    pub(super) is_timed: bool,
}

/// That an assertion does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Not {
    /// It is false; what was got.
    Holds(String),
    /// It cannot be true or false: it names what there is not.
    Sense(String),
    /// It is about wall time, which is only told.
    Timely(String),
}

pub(super) type Checked = Result<(), Not>;

pub(super) fn holds(truth: bool, got: impl FnOnce() -> String) -> Checked {
    if truth { Ok(()) } else { Err(Not::Holds(got())) }
}

impl Seen<'_> {
    /// What rules and synonyms did: a line for each item and rule, then what they did to the turn.
    fn steering(&self) -> Result<String, Not> {
        let item = |item: &segue_agent::AnswerItem| {
            item.steering.iter().map(|s| format!("{} {s}", item.id)).collect::<Vec<_>>()
        };
        let items = self.answer()?.items.iter().flat_map(item);
        let all = &self.report.steering;
        let excluded = all.excluded.iter().map(|e| format!("{}: {} left out", e.rule, e.items));
        let aside = all.stood_aside.iter().map(|rule| format!("{rule} stood aside"));
        let lines = items.chain(excluded).chain(aside).chain(all.synonyms.iter().cloned());
        let lines: Vec<_> = lines.collect();
        Ok(if lines.is_empty() { "nothing was steered".to_owned() } else { lines.join("\n") })
    }

    /// Checks one assertion.
    pub(super) fn check(&self, what: &What) -> Checked {
        let report = self.report;
        let usage = &report.usage;
        match what {
            What::Items(items) => self.items(items),
            What::Tools(list, names) => self.tools(*list, names),
            What::Call(which, of) => self.call(which, of),
            What::Calls { failed, number } => {
                let counted = report.calls.iter().filter(|c| !failed || !c.is_ok());
                holds(number.holds(counted.count() as f64), || calls(&report.calls))
            }
            What::EvidenceFor(fields) => self.evidence_for(fields),
            What::EvidenceBy(tools) => self.evidence_by(tools),
            What::ClaimsRemoved(number) => {
                let removed = self.answer()?.removed_claims;
                holds(number.holds(f64::from(removed)), || format!("{removed} were removed"))
            }
            What::ClaimsSupported => self.supported(),
            What::Budget(meter, number) => {
                let used = match meter {
                    Meter::ModelCalls => f64::from(usage.model_calls),
                    Meter::ToolCalls => report.calls.len() as f64,
                    Meter::Tokens => (usage.input_tokens + usage.output_tokens) as f64,
                    Meter::InputTokens => usage.input_tokens as f64,
                    Meter::OutputTokens => usage.output_tokens as f64,
                    Meter::Cost => usage.cost,
                    Meter::Ms => usage.ms,
                };
                let told = || format!("{used}");
                match holds(number.holds(used), told) {
                    Err(Not::Holds(got)) if *meter == Meter::Ms && !self.is_timed => Err(Not::Timely(got)),
                    other => other,
                }
            }
            What::Text(words) => says(words, &self.answer()?.text),
            What::Steering(words) => says(words, &self.steering()?),
            What::Reasons(words) => {
                let lines: Vec<&str> = self.answer()?.items.iter().map(|i| i.reason.as_str()).collect();
                says(words, &lines.join("\n"))
            }
            What::Question(words) => {
                let question = self.answer()?.question.as_ref().map(|q| q.text.as_str());
                says_or_nothing(words.as_ref(), question)
            }
            What::Understood(meant) => self.understood(meant),
            What::NotUnderstood(text) => has_or_nothing(text.as_deref(), &report.not_understood),
            What::Absent(text) => has_or_nothing(text.as_deref(), &report.absent),
            What::Holds(condition) => self.holds(condition.as_deref()),
            What::Lifted(condition) => self.lifted(condition),
            What::Planner(name) => holds(report.planner == *name, || match &report.fallback {
                Some(why) => format!("{}, because {why}", report.planner),
                None => report.planner.clone(),
            }),
            What::Fallback(words) => says_or_nothing(words.as_ref(), report.fallback.as_deref()),
            What::Told(words) => {
                let messages = self.asked.iter().flat_map(|r| &r.messages);
                let told: Vec<&str> = messages.map(|m| m.content.as_str()).collect();
                if told.is_empty() {
                    return Err(Not::Holds("the model was not asked".to_owned()));
                }
                says(words, &told.join("\n"))
            }
            What::Refused(words) => {
                let refused = report.refused.join("\n");
                says_or_nothing(words.as_ref(), (!refused.is_empty()).then_some(refused.as_str()))
            }
            What::Added(something) => holds(report.model_added == *something, || match report.model_added {
                true => "it changed what the rules would have done".to_owned(),
                false => "it changed nothing".to_owned(),
            }),
            What::Stop(name) => is_named(&self.answer()?.stop, name),
            What::Kind(name) => is_named(&self.answer()?.kind, name),
            What::Matched(number) => match self.answer()?.matched {
                Some(matched) => holds(number.holds(matched as f64), || matched.to_string()),
                None => Err(Not::Holds("the answer does not say how many".to_owned())),
            },
        }
    }

    pub(super) fn answer(&self) -> Result<&Answer, Not> {
        self.report.answer.as_ref().ok_or_else(|| Not::Holds("the turn has no answer".to_owned()))
    }

    pub(super) fn tool(&self, name: &str) -> Result<(), Not> {
        let known = self.tools.iter().map(String::as_str);
        if known.clone().any(|t| t == name) {
            return Ok(());
        }
        // A model may call what there is not, and an assertion may be about that.
        if self.report.calls.iter().any(|c| c.tool == name) {
            return Ok(());
        }
        Err(Not::Sense(unknown("tool", name, known)))
    }

    fn tools(&self, how: List, names: &[String]) -> Checked {
        for name in names {
            self.tool(name)?;
        }
        let called: Vec<&str> = self.report.calls.iter().map(|c| c.tool.as_str()).collect();
        let told = || calls(&self.report.calls);
        match how {
            List::Are => holds(called == names, told),
            List::Include => holds(names.iter().all(|n| called.contains(&n.as_str())), told),
            List::Lack => holds(!names.iter().any(|n| called.contains(&n.as_str())), told),
            List::InOrder => {
                let mut left = called.iter();
                holds(names.iter().all(|n| left.any(|c| c == n)), told)
            }
        }
    }

    /// True of at least one of the calls that are meant; of all of them for what must be lacking.
    fn call(&self, which: &Which, of: &OfCall) -> Checked {
        let made = self.report.calls.iter();
        let of_step: Vec<&CallAnswer> = made.clone().filter(|c| c.step == which.name).collect();
        let mut meant = of_step;
        if meant.is_empty() {
            self.tool(&which.name)?;
            meant = made.filter(|c| c.tool == which.name).collect();
        }
        if let Some(nth) = which.nth {
            meant = meant.into_iter().skip(nth - 1).take(1).collect();
        }
        if meant.is_empty() {
            return Err(Not::Holds(format!("no such call: {}", calls(&self.report.calls))));
        }
        if let OfCall::Lacks(part) = of {
            return holds(!meant.iter().any(|c| has(&c.args, part)), || arguments(&meant));
        }
        match of {
            OfCall::Made | OfCall::Lacks(_) => Ok(()),
            OfCall::Ok => holds(meant.iter().any(|c| c.is_ok()), || outcomes(&meant)),
            OfCall::Failed => holds(meant.iter().any(|c| !c.is_ok()), || outcomes(&meant)),
            OfCall::Count(number) => {
                let count = |c: &&CallAnswer| c.count().is_some_and(|n| number.holds(n as f64));
                holds(meant.iter().any(count), || outcomes(&meant))
            }
            OfCall::Has(part) => holds(meant.iter().any(|c| has(&c.args, part)), || arguments(&meant)),
            OfCall::Within(wanted) => {
                let steps = &self.report.plan.steps;
                let within = |c: &CallAnswer| {
                    let step = steps.iter().find(|s| s.id == c.step)?;
                    let name = step.within.clone()?;
                    let tool = steps.iter().find(|s| s.id == name).map(|s| s.tool.clone());
                    Some((name, tool))
                };
                let is_wanted = |c: &&CallAnswer| match (within(c), wanted) {
                    (None, None) => true,
                    (Some((step, tool)), Some(wanted)) => step == *wanted || tool.as_ref() == Some(wanted),
                    _ => false,
                };
                holds(meant.iter().any(is_wanted), || {
                    let told = |c: &&CallAnswer| match within(c) {
                        None => format!("{} is within nothing", c.step),
                        Some((step, tool)) => {
                            format!("{} is within {step} {}", c.step, tool.unwrap_or_default())
                        }
                    };
                    meant.iter().map(told).collect::<Vec<_>>().join(", ")
                })
            }
            OfCall::Error(is) => {
                let fits = |c: &&CallAnswer| match (c.error(), is) {
                    (None, _) => false,
                    (Some(error), ErrorIs::Kind(kind)) => error.kind.name() == kind,
                    (Some(error), ErrorIs::Words(words)) => says(words, &error.feedback).is_ok(),
                };
                holds(meant.iter().any(fits), || outcomes(&meant))
            }
        }
    }

    fn understood(&self, meant: &Meant) -> Checked {
        let understood = &self.report.understood;
        let told = || match understood.as_slice() {
            [] => "nothing was understood".to_owned(),
            some => some.iter().map(shown).collect::<Vec<_>>().join("; "),
        };
        match meant {
            Meant::Nothing => holds(understood.is_empty(), told),
            Meant::Count(number) => holds(number.holds(understood.len() as f64), told),
            Meant::Words(words) => {
                holds(understood.iter().any(|u| u.text.contains(words) || u.meaning.contains(words)), told)
            }
            Meant::Condition(condition, hard) => {
                let wanted = plain_condition(condition);
                let is_meant = |u: &Understood| {
                    hard.is_none_or(|hard| u.hard == hard)
                        && u.predicate.as_ref().is_some_and(|p| plain_condition(&p.to_string()) == wanted)
                };
                holds(understood.iter().any(is_meant), told)
            }
        }
    }

    fn holds(&self, condition: Option<&str>) -> Checked {
        let conditions = &self.session.constraints.conditions;
        let mut in_force = conditions.iter().filter(|c| c.holds());
        let told = || match conditions
            .iter()
            .filter(|c| c.holds())
            .map(|c| c.what.to_string())
            .collect::<Vec<_>>()
        {
            none if none.is_empty() => "no condition holds".to_owned(),
            some => format!("these hold: {}", some.join("; ")),
        };
        match condition {
            None => holds(in_force.next().is_none(), told),
            Some(wanted) => {
                let wanted = plain_condition(wanted);
                holds(in_force.any(|c| plain_condition(&c.what.to_string()) == wanted), told)
            }
        }
    }

    fn lifted(&self, condition: &str) -> Checked {
        let wanted = plain_condition(condition);
        let conditions = &self.session.constraints.conditions;
        let mut meant =
            conditions.iter().filter(|c| plain_condition(&c.what.to_string()) == wanted).peekable();
        if meant.peek().is_none() {
            return Err(Not::Holds("it was never asked for".to_owned()));
        }
        holds(meant.all(|c| !c.holds()), || "it holds still".to_owned())
    }
}

fn says(words: &Words, text: &str) -> Checked {
    let truth = match words {
        Words::Contains(part) => text.contains(part),
        Words::Lacks(part) => !text.contains(part),
        Words::Matches(pattern) => pattern.is_match(text),
    };
    holds(truth, || brief(text))
}

fn says_or_nothing(words: Option<&Words>, text: Option<&str>) -> Checked {
    match (words, text) {
        (None | Some(Words::Lacks(_)), None) => Ok(()),
        (None, Some(text)) => Err(Not::Holds(brief(text))),
        (Some(_), None) => Err(Not::Holds("there is none".to_owned())),
        (Some(words), Some(text)) => says(words, text),
    }
}

fn has_or_nothing(text: Option<&str>, list: &[String]) -> Checked {
    let told = || match list {
        [] => "there is none".to_owned(),
        some => some.iter().map(|t| format!("“{t}”")).collect::<Vec<_>>().join(", "),
    };
    match text {
        None => holds(list.is_empty(), told),
        Some(text) => holds(list.iter().any(|t| t.contains(text)), told),
    }
}

/// True if the document has all that the part has: of an object the keys, of a list the same elements in order.
pub(super) fn has(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|w| has(w, value)))
        }
        (Json::Array(whole), Json::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| has(w, p))
        }
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (whole, part) => whole == part,
    }
}

fn is_named(value: &impl serde::Serialize, name: &str) -> Checked {
    let got = serde_json::to_value(value).unwrap_or_default();
    holds(got == *name, || got.as_str().unwrap_or_default().to_owned())
}

fn calls(calls: &[CallAnswer]) -> String {
    match calls {
        [] => "no tool was called".to_owned(),
        some => {
            let told = |c: &CallAnswer| match c.error() {
                Some(error) => format!("{} ({})", c.tool, error.kind.name()),
                None => c.tool.clone(),
            };
            format!("called were {}", some.iter().map(told).collect::<Vec<_>>().join(", "))
        }
    }
}

fn arguments(calls: &[&CallAnswer]) -> String {
    let told = |c: &&CallAnswer| format!("{} {}", c.step, brief(&c.args.to_string()));
    calls.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn outcomes(calls: &[&CallAnswer]) -> String {
    let told = |c: &&CallAnswer| match &c.outcome {
        CallOutcome::Set { count, .. } => format!("{} gave {count} items", c.step),
        CallOutcome::Facts(_) => format!("{} gave facts", c.step),
        CallOutcome::Failed(error) => {
            format!("{} failed, {}: {}", c.step, error.kind.name(), brief(&error.message))
        }
    };
    calls.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn shown(understood: &Understood) -> String {
    let hard = if understood.hard { "hard" } else { "soft" };
    match &understood.predicate {
        Some(predicate) => format!("“{}” as {predicate} ({hard})", understood.text),
        None => format!("“{}” as {} ({hard})", understood.text, understood.meaning),
    }
}

/// A text in one line, cut where it is long.
pub(super) fn brief(text: &str) -> String {
    const MOST: usize = 400;
    let text = text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
