//! What the command line of a run asks for, understood: names are the plan's, and approvals and faults fit together.

use super::{Aim, Job, Stopped};
use crate::cli::args::{self, Run as Args};
use crate::cli::look::complain;
use crate::cli::{answering, asking, named, reports, scenarios, way_back};
use crate::engine::{Approver, Goal, Options};
use crate::model::Dokploy as Address;
use crate::report::Format;
use crate::schedule::{Lines, Schedule, digest};
use crate::source::SourceMap;
use crate::store::new_run_id;
use crate::world::Fault;
use std::collections::BTreeMap;
use std::rc::Rc;

impl<'a> Job<'a> {
    pub(super) fn new(
        args: &'a Args,
        aim: Aim<'_>,
        schedule: Schedule,
        mut sources: SourceMap,
        (address, lines): (Address, Lines),
    ) -> Result<Self, Stopped> {
        let wrong = |message: &str, help: &str| {
            complain(&args.display, message, help);
            Stopped(2)
        };
        let until =
            args.until.as_deref().map(|name| named::phase(&schedule, name)).transpose().map_err(|(text, help)| wrong(&text, &help))?;
        let from =
            args.from.as_deref().map(|name| named::phase(&schedule, name)).transpose().map_err(|(text, help)| wrong(&text, &help))?;
        if let (Some(from), Some(until)) = (from, until)
            && from > until
        {
            return Err(wrong(
                "--until names a phase before that of --from",
                "with both, a run starts with the one and ends with the other",
            ));
        }
        if args.watch && schedule.watch.is_none() {
            return Err(wrong("--watch: the plan has no `watch` statement", "add a line such as\nwatch for 1h every 1m"));
        }
        for (service, _) in &args.waive {
            named::service(&schedule, service).map_err(|(text, help)| wrong(&text, &help))?;
        }
        let waived = args.waive.iter().cloned().collect();
        reports::placeable(&args.report).map_err(|(text, help)| wrong(&text, &help))?;
        let goal = match aim {
            Aim::Back(to) => way_back::goal(&schedule, to, args.state.clone()).map_err(|(text, help)| wrong(&text, &help))?,
            Aim::Rollout => Goal::Rollout,
        };
        let mut approvals = BTreeMap::new();
        for (name, who) in &args.approve {
            let gate = named::gate(&schedule, name).map_err(|(text, help)| wrong(&text, &help))?;
            approvals.insert(gate, Approver(who.clone()));
        }
        let faults = args.fault.iter().map(|fault| Fault::parse(fault)).collect::<Result<Vec<_>, _>>();
        let faults = faults.map_err(|error| wrong(&error.to_string(), "`plan run --help` and docs/sandbox.md name every fault"))?;
        let scenario = args.scenario.as_deref().map(|text| scenarios::one(text, &schedule, &mut sources, &args.display).ok_or(Stopped(2)));
        let scenario = scenario.transpose()?;
        let (faults, who) = scenario.as_ref().map_or((faults, "by --fault"), |scenario| (scenario.faults(), "by the scenario"));
        for fault in &faults {
            named::fault(&schedule, fault).map_err(|(text, help)| wrong(&text, &help))?;
        }
        if let Some(gate) = answering::answered_by_faults(&schedule, &faults).into_iter().find(|gate| approvals.contains_key(gate)) {
            let name = &schedule.gates[gate.0].name;
            return Err(wrong(&format!("gate `{name}` is answered twice: by --approve and {who}"), "leave one of them out"));
        }
        let connect_to = asking::routes(args.connect_to.as_deref()).map_err(|(message, help)| wrong(&message, help))?;
        let run = new_run_id().map_err(|error| wrong(&error, ""))?;
        let on_failure_stop = args.on_failure.map(|policy| policy == args::OnFailure::Stop);
        let (adopt, redeploy, lock_wait) = (args.adopt, args.redeploy, args.lock_wait);
        let options = Options { run, goal, adopt, redeploy, until, on_failure_stop, from, waived, lock_wait, ..Options::default() };
        let (from_broken, allow_version) = (args.from_broken.clone(), args.allow_version.clone());
        let options = Options { from_broken, allow_version, known_runs: way_back::known_runs(args.state.clone()), ..options };
        let back = match aim {
            Aim::Rollout => None,
            Aim::Back(to) => Some(to.map_or_else(String::new, |to| format!(" --to {to}"))),
        };
        let format = match args.format {
            Some(args::RunFormat::Plain) => Format::Plain,
            Some(args::RunFormat::Json) => Format::Json,
            Some(args::RunFormat::Github) => Format::Github,
            Some(args::RunFormat::Human) | None => Format::Human,
        };
        let scenario = scenario.map(|scenario| (scenario, Rc::default()));
        let plan_digest = sources.find(&args.file).map(|file| digest(sources.file(file).text())).unwrap_or_default();
        Ok(Self { args, schedule, sources, address, options, approvals, faults, scenario, connect_to, format, plan_digest, lines, back })
    }
}
