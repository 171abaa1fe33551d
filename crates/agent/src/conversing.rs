//! A turn that a model carries out itself: it is asked, its calls are made, it is told what came of them.

use std::time::Duration;

use crate::agent::Agent;
use crate::model::{Conversed, Native, NativeNext};
use crate::planning::{Lack, PlannerKind, PlanningModel, model_until};
use crate::turn::{AgentError, Done, TurnOptions};
use crate::{Outcome, Plan, Reading, Session, Step, Stop, TurnEvent, TurnReport};

impl Agent {
    /// Carries a conversation with the model to its end; what the model cost and how it fared goes into the report.
    pub(crate) async fn converse(
        &self,
        with: &PlanningModel,
        (mut native, reading): (Native, &Reading),
        report: &mut TurnReport,
        session: &Session,
        options: &TurnOptions,
        began: Duration,
        events: &mut (dyn FnMut(TurnEvent) + Send),
    ) -> Result<(Done, Reading), AgentError> {
        let prompt = with.prompts.get(crate::model::NATIVE)?;
        let until = model_until(options, began);
        let spent = self.world().elapsed().saturating_sub(began);
        let (mut run, mut executor) =
            self.begin(&Plan::default(), &reading.constraints, session, options, spent);
        let mut outcome = Outcome { stop: Stop::Empty, step: None, relaxed: Vec::new() };
        let mut cut_short = false;
        let check = |step: &Step| self.check(step, session);
        let ground = self.ground(session, options, &check);
        let Conversed { reading, refused, failed, step } = loop {
            match native.next() {
                NativeNext::Done(conversed) => break *conversed,
                NativeNext::Call(steps) => {
                    steps.into_iter().for_each(|step| run.push(step, self.specs()));
                    events(TurnEvent::Planned { plan: run.plan() });
                    outcome = executor.drive(&mut run, events).await;
                    native.called(run.calls(), &ground);
                }
                NativeNext::Ask(request) => {
                    if !report.exchanges.is_empty() {
                        report.first_plan.get_or_insert_with(|| run.plan());
                    }
                    report.model = Some(with.model.name().to_owned());
                    let (exchange, answer) =
                        self.ask(with, prompt, *request, options, until, &mut report.usage).await;
                    report.exchanges.push(exchange);
                    match answer {
                        Ok(reply) => native.feed(&reply, &ground),
                        Err(none) if none.lack == Lack::Failed => native.fail(&none.why, &ground),
                        Err(none) => {
                            cut_short = true;
                            native.stop(&none.why, &ground);
                        }
                    }
                }
            }
        };
        report.refused = refused;
        if let Some(why) = failed {
            PlannerKind::Rules.name().clone_into(&mut report.planner);
            report.fallback = Some(why);
        }
        let answered = step.and_then(|step| Some((executor.set(&step)?.is_empty(), step)));
        if let Some((is_empty, step)) = answered {
            outcome.step = Some(step);
            // That a call failed on the way is told; what counts is whether it led anywhere.
            if matches!(outcome.stop, Stop::Passed | Stop::Empty | Stop::Failed) {
                outcome.stop = if is_empty { Stop::Empty } else { Stop::Passed };
            }
        }
        if options.cancellation.is_cancelled() {
            outcome.stop = Stop::Cancelled;
        } else if cut_short && outcome.stop == Stop::Passed {
            outcome.stop = Stop::Budget;
        }
        Ok((Done::new(run, outcome, executor), reading))
    }
}
