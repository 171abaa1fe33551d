//! Has a model word an answer whose items are fixed. Without one, or where it is of no use, a template does.

use std::time::Duration;

use crate::agent::Agent;
use crate::answer::{Material, WRITE, Written, ask_to_write};
use crate::model::{Exchange, PromptError};
use crate::turn::TurnOptions;
use crate::{ItemEvidence, Stop, TurnEvent, Usage};

impl Agent {
    /// What the model that writes makes of these items; `None` if none is to.
    pub(crate) async fn written(
        &self,
        material: &Material<'_>,
        items: &[ItemEvidence],
        options: &TurnOptions,
        until: Duration,
        usage: &mut Usage,
        events: &mut (dyn FnMut(TurnEvent) + Send),
    ) -> Result<Option<(Written, Exchange)>, PromptError> {
        let Some(with) = self.writing_model() else { return Ok(None) };
        // What a model writes is kept where every word of it is known: of some languages too few are.
        if material.language.pack().is_some_and(|p| p.plain.is_empty()) {
            return Ok(None);
        }
        if items.is_empty() || material.outcome.stop != Stop::Passed {
            return Ok(None);
        }
        let name = with.model.name();
        events(TurnEvent::Writing { model: name.to_owned() });
        let prompt = with.prompts.get(WRITE)?;
        let asked = ask_to_write(material, items, prompt)?;
        let (exchange, answer) = self.ask(with, prompt, asked, options, until, usage).await;
        let written = match answer {
            Ok(reply) => Written::checked(name, &reply.content, material, items),
            Err(none) => Written::failed(name, none.why),
        };
        Ok(Some((written, exchange)))
    }
}
