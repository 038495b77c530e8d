//! The phases in order, each with what it takes to do it by hand, and the gates before them.

use super::markdown::{cell, code, fenced, prose};
use super::{Book, Rows as _};
use crate::model::{OnFailure, duration};
use crate::report::words::{self, count, list};
use crate::schedule::{Phase, PhaseId, ServiceName, Subject, without_user};

impl Book<'_> {
    pub(super) fn phases(&mut self) {
        self.page.heading(2, "Phases");
        let schedule = self.schedule;
        let rows: Vec<[String; 9]> = (1..)
            .zip(&schedule.phases)
            .map(|(number, phase)| {
                let bounds = phase.bounds(PhaseId(number - 1), schedule);
                let gates = phase.gates.iter().map(|gate| cell(&schedule.gates[gate.0].name));
                [
                    format!("{number}. {}", prose(&phase.name)),
                    list(phase.adds.iter().map(|name| cell(name))),
                    phase.services.len().to_string(),
                    cell(&phase.path),
                    list(gates),
                    duration(phase.within),
                    format!("{} + {}", duration(phase.settle), duration(phase.soak)),
                    format!("{} to {}", words::duration(bounds.best), words::duration(bounds.worst)),
                    policy(phase.on_failure).to_owned(),
                ]
            })
            .collect();
        let heads = ["phase", "adds", "services", "file", "gates", "deploy within", "settle + soak", "takes", "on failure"];
        self.page.table(&heads, &rows.map_rows(), "There is none.");
        for at in 0..schedule.phases.len() {
            self.phase(at);
        }
    }

    fn phase(&mut self, at: usize) {
        let schedule = self.schedule;
        let phase = &schedule.phases[at];
        self.page.heading(3, &format!("Phase {}: {}", at + 1, prose(&phase.name)));
        if let Some(note) = &phase.note {
            self.page.paragraph(&prose(note));
        }
        let mut steps = Vec::new();
        if at == 0 {
            steps.push(
                "Copy the compose text that is in Dokploy now into a file of its own: it is what this phase goes back to.".to_owned(),
            );
        } else {
            let before = &schedule.phases[at - 1];
            let so_far = if before.services.len() == 1 {
                "its service is".to_owned()
            } else {
                format!("all {} services of it are", before.services.len())
            };
            steps.push(format!("See that phase {} is live and {so_far} well.", code(&before.name)));
        }
        if !phase.gates.is_empty() {
            let gates = list(phase.gates.iter().map(|gate| code(&schedule.gates[gate.0].name)));
            let hold = if phase.gates.len() == 1 { "holds" } else { "hold" };
            steps.push(format!("See that {gates} {hold}: how stands under [Gates](#gates)."));
        }
        let builds = Self::built_now(phase);
        if !builds.is_empty() {
            steps.push(format!("Builds take what is there at this moment: {builds}."));
        }
        let [project, environment, compose] =
            [&schedule.app.project, &schedule.app.environment, &schedule.app.compose].map(|part| code(&super::shell(&part.value)));
        let removes = if phase.removes.is_empty() {
            String::new()
        } else {
            format!(" It removes {}.", list(phase.removes.iter().map(|name| code(name))))
        };
        steps.push(format!(
            "In Dokploy, in project {project}, environment {environment}, compose service {compose}, put the whole of {} in place of the \
             compose text and save it.{removes}",
            code(&phase.path)
        ));
        steps.push(format!(
            "Press *Deploy* and follow its log under *Deployments*: it may wait {} in Dokploy's queue and then take {}. That it ends as done \
             says nothing of health.",
            duration(schedule.limits.queue),
            duration(phase.within)
        ));
        steps.push(self.asking(phase));
        steps.extend(self.jobs(phase));
        let earlier = phase.services.len() - phase.adds.len();
        if earlier > 0 {
            let (services, them) =
                if earlier == 1 { ("the service".to_owned(), "it") } else { (format!("the {earlier} services"), "them") };
            steps.push(format!("Ask {services} of the earlier phases again, by the commands above: a deploy may have replaced {them}."));
        }
        steps.push(format!(
            "Ask on every {} for {}: no answer may fail and no container start again. Then phase {} is done: {}.",
            duration(schedule.sampling.every),
            duration(phase.soak),
            code(&phase.name),
            format_args!("{} of {} are up and well", phase.services.len(), count(schedule.services.len(), "service"))
        ));
        self.page.numbered(&steps);
        self.page.paragraph(match phase.on_failure {
            OnFailure::Rollback => "If it does not hold: [go back](#rolling-back).",
            OnFailure::Stop => "If it does not hold, the plan says to leave everything as it is: mend it, or [go back](#rolling-back).",
            OnFailure::Ask => "If it does not hold, somebody has to decide: mend it, or [go back](#rolling-back).",
        });
    }

    /// The step that asks what is new.
    fn asking(&self, phase: &Phase) -> String {
        let until = duration(phase.settle);
        if phase.adds.is_empty() {
            return format!("No service is new. Give what was replaced {until} to come up.");
        }
        let passes = match self.schedule.sampling.healthy_after {
            1 => "once".to_owned(),
            2 => "twice in a row".to_owned(),
            more => format!("{more} times in a row"),
        };
        let (mut wanted, mut lines) = (Vec::new(), Vec::new());
        for name in &phase.adds {
            let texts: Vec<String> = self.texts(self.asked_of(name)).iter().map(|text| code(text)).collect();
            let texts = if texts.is_empty() { "its container runs".to_owned() } else { list(&texts) };
            wanted.push(format!("- {}: {texts}", code(name)));
            lines.extend(self.commands(self.asked_of(name), self.container(name)));
        }
        lines.push("docker ps -a --format '{{.Names}} {{.Status}}'".to_owned());
        format!(
            "Ask what is new until it is so {passes}, for {until} at most, and see that its containers run:\n\n{}\n\n{}",
            wanted.join("\n"),
            fenced("sh", &lines.join("\n"))
        )
    }

    /// Services that do their work and end.
    fn jobs(&self, phase: &Phase) -> Option<String> {
        let job = |name: &ServiceName| {
            let job = self.schedule.services.get(name)?.job?;
            Some(format!("{} within {}", code(name), duration(job.within.unwrap_or(phase.settle))))
        };
        let jobs: Vec<String> = phase.services.iter().filter_map(job).collect();
        (!jobs.is_empty())
            .then(|| format!("See that what only does its work has ended with code 0: {}. Each deploy runs it again.", list(&jobs)))
    }

    /// Repositories and references that a phase's own services are built from.
    fn built_now(phase: &Phase) -> String {
        let mut builds: Vec<String> =
            phase.pins.iter().map(|pin| format!("{} at {}", code(&without_user(&pin.repository)), code(&pin.reference))).collect();
        builds.sort();
        builds.dedup();
        list(&builds)
    }

    pub(super) fn gates(&mut self) {
        let schedule = self.schedule;
        if schedule.gates.is_empty() {
            return;
        }
        self.page.heading(2, "Gates");
        self.page.paragraph("A gate must hold before its phase begins. One that does not stops the rollout and changes nothing.");
        for (at, gate) in schedule.gates.iter().enumerate() {
            self.page.heading(3, &format!("Gate: {}", prose(&gate.name)));
            let before = schedule.phases.iter().filter(|phase| phase.gates.iter().any(|one| one.0 == at));
            let before: Vec<String> = before.map(|phase| code(&phase.name)).collect();
            let mut items = vec![if before.is_empty() { "before no phase".to_owned() } else { format!("before {}", list(&before)) }];
            for id in gate.asked() {
                let expectation = &schedule.expectations[id.0];
                let of = match &expectation.subject {
                    Subject::External(name) => format!("external {}: ", code(name)),
                    Subject::Service(_) | Subject::Gate(_) => String::new(),
                };
                items.push(format!("{of}{}", code(&super::asked(&expectation.text))));
            }
            if let Some(approval) = &gate.approval {
                let within = duration(approval.within);
                items.push(format!("somebody says yes to \"{}\" within {within}; otherwise the rollout stops", prose(&approval.question)));
            }
            self.page.bullets(&items);
            let commands = self.commands(gate.asked(), None);
            if !commands.is_empty() {
                self.page.fence("sh", &commands.join("\n"));
            }
        }
    }
}

pub(super) fn policy(policy: OnFailure) -> &'static str {
    match policy {
        OnFailure::Rollback => "roll back",
        OnFailure::Stop => "stop",
        OnFailure::Ask => "ask",
    }
}
