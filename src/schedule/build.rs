//! From a plan whose checks passed to a schedule.

use super::{
    Expectation, ExpectationId, External, Gate, GateId, Job, Phase, PhaseId, Pin, Schedule, Service, ServiceName, Subject, Told, Watch,
    contexts, digest, wording,
};
use crate::check::{Checked, Files, Proven, Step, check, pin_place};
use crate::compose::{self, ComposeFile, with_defaults};
use crate::diagnostic::Diagnostic;
use crate::model::{self, Lowered, Plan};
use crate::source::{SourceMap, Spanned};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a plan.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The schedule, when nothing is wrong.
    pub schedule: Option<Schedule>,
    /// Errors and warnings, those of reading the plan among them, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks what reading a plan gave and makes its schedule. See [`check`] for the arguments.
pub fn prepare(lowered: &Lowered, sources: &mut SourceMap, files: &dyn Files) -> Prepared {
    let Checked { proven, diagnostics } = check(lowered, sources, files);
    let schedule = lowered.plan.as_ref().zip(proven).map(|(plan, proven)| build(plan, &proven, sources));
    Prepared { schedule, diagnostics }
}

/// The schedule of a plan that was proven.
pub fn build(plan: &Plan, proven: &Proven, sources: &SourceMap) -> Schedule {
    let mut expectations = Expectations { sources, all: Vec::new() };
    let services = services(plan, proven, &mut expectations);
    let externals: Vec<[Vec<ExpectationId>; 2]> = plan
        .externals
        .iter()
        .map(|external| {
            let subject = Subject::External(external.name.value.clone());
            [&external.expectations, &external.asides].map(|list| expectations.add(list, &subject))
        })
        .collect();
    let gates = plan
        .gates
        .iter()
        .enumerate()
        .map(|(at, gate)| {
            let subject = Subject::Gate(gate.name.value.clone());
            let own = [&gate.expectations, &gate.asides].map(|list| {
                let own = contexts::filled_in(list, || contexts::guarded(plan, at, proven.steps()));
                expectations.add(&own, &subject)
            });
            let named = gate.externals.iter().map(|external| &externals[external.value]);
            let [mut deciding, mut asides] = [Vec::new(), Vec::new()];
            for [expectations, beside] in named.chain([&own]) {
                deciding.extend(expectations.iter().copied());
                asides.extend(beside.iter().copied());
            }
            Gate { name: gate.name.value.clone(), expectations: deciding, asides, approval: gate.approval.clone() }
        })
        .collect();
    let mut phases: Vec<Phase> = Vec::with_capacity(proven.steps().len());
    let mut delivered = BTreeSet::new();
    for step in proven.steps() {
        let phase = phase(&plan.phases[step.phase], step, &delivered, sources);
        delivered.extend(phase.services.iter().cloned());
        phases.push(phase);
    }
    let named = plan.externals.iter().zip(&externals).map(|(external, [expectations, asides])| {
        let (expectations, asides, hint) = (expectations.clone(), asides.clone(), external.hint.clone());
        (external.name.value.clone(), External { expectations, asides, hint })
    });
    Schedule {
        externals: named.collect(),
        rollout: plan.name.value.clone(),
        app: plan.app.clone(),
        sampling: plan.sampling,
        limits: plan.limits,
        services,
        expectations: expectations.all,
        gates,
        phases,
        watch: plan
            .watch
            .map(|watch| Watch { length: watch.length.value, every: watch.every.map_or(plan.sampling.every, |every| every.value) }),
        told: plan.notify.iter().map(|notify| Told { notify: notify.clone(), text: wording::told(notify, sources) }).collect(),
    }
}

/// Numbers expectations as they come.
struct Expectations<'a> {
    sources: &'a SourceMap,
    all: Vec<Expectation>,
}

impl Expectations<'_> {
    fn add(&mut self, expectations: &[model::Expectation], subject: &Subject) -> Vec<ExpectationId> {
        let first = self.all.len();
        self.all.extend(expectations.iter().map(|expectation| Expectation {
            severity: expectation.severity,
            probe: expectation.probe.clone(),
            subject: subject.clone(),
            percentiles: expectation.percentiles.iter().map(|percentile| percentile.value).collect(),
            text: wording::expectation(expectation, self.sources),
        }));
        (first..self.all.len()).map(ExpectationId).collect()
    }
}

/// Every service of every phase, in the order of the plan's blocks so that their expectations are numbered as they
/// are read.
fn services(plan: &Plan, proven: &Proven, expectations: &mut Expectations<'_>) -> BTreeMap<ServiceName, Service> {
    let mut added_in: BTreeMap<ServiceName, PhaseId> = BTreeMap::new();
    for (at, step) in proven.steps().iter().enumerate() {
        for name in started(&step.compose) {
            added_in.entry(name).or_insert(PhaseId(at));
        }
    }
    let mut services = BTreeMap::new();
    for service in &plan.services {
        let name = &service.name.value;
        if let Some(&added_in) = added_in.get(name) {
            let subject = Subject::Service(name.clone());
            let [expectations, asides] = [&service.expectations, &service.asides].map(|list| expectations.add(list, &subject));
            let subjects = |names: &[Spanned<String>]| names.iter().map(|name| leaned_on(plan, &name.value)).collect();
            let (needs, uses) = (subjects(&service.needs), subjects(&service.uses));
            let (note, hint) = (service.note.clone(), service.hint.clone());
            let job = service.job.map(|job| Job { within: job.within.map(|limit| limit.value) });
            let allows = service.allows.iter().map(|allow| (allow.word, allow.reason.clone())).collect();
            services.insert(name.clone(), Service { expectations, asides, note, hint, needs, uses, added_in, job, allows });
        }
    }
    for (name, added_in) in added_in {
        services.entry(name).or_insert_with(|| Service::unasked(added_in));
    }
    services
}

/// What a name after `needs` or `uses` means: an external before a service, should both have it.
fn leaned_on(plan: &Plan, name: &str) -> Subject {
    if plan.externals.iter().any(|external| external.name.value == name) {
        Subject::External(name.to_owned())
    } else {
        Subject::Service(name.to_owned())
    }
}

fn phase(phase: &model::Phase, step: &Step, delivered: &BTreeSet<ServiceName>, sources: &SourceMap) -> Phase {
    let compose = &step.compose;
    let services: BTreeSet<ServiceName> = started(compose).collect();
    let of_service = |name: &ServiceName| compose.services.iter().find(|service| service.name.value == *name);
    let ports = services.iter().filter_map(|name| {
        let published = of_service(name)?.ports.iter().map(|port| port.value).filter(|port| port.host.is_some());
        let published: BTreeSet<_> = published.collect();
        (!published.is_empty()).then(|| (name.clone(), published))
    });
    let container_names =
        services.iter().filter_map(|name| Some((name.clone(), with_defaults(&of_service(name)?.container_name.as_ref()?.value)?)));
    let images = services.iter().filter_map(|name| Some((name.clone(), with_defaults(&of_service(name)?.image.as_ref()?.value)?)));
    Phase {
        name: phase.name.value.clone(),
        note: phase.note.clone(),
        gates: phase.require.iter().map(|gate| GateId(gate.value)).collect(),
        path: phase.from.value.clone(),
        text: step.text.to_string(),
        digest: digest(&step.text),
        pins: pins(compose, sources),
        adds: services.difference(delivered).cloned().collect(),
        removes: phase.removes.iter().map(|name| name.value.clone()).collect(),
        ports: ports.collect(),
        images: images.collect(),
        container_names: container_names.collect(),
        services: services.clone(),
        within: phase.within,
        settle: phase.settle,
        soak: phase.soak,
        on_failure: phase.on_failure,
    }
}

/// The services that Dokploy starts: those in no profile.
fn started(compose: &ComposeFile) -> impl Iterator<Item = ServiceName> {
    compose.services.iter().filter(|service| service.profiles.is_empty()).map(|service| service.name.value.clone())
}

/// The services that Dokploy starts of a compose text, which need be no phase's. None where it cannot be read.
pub fn services_in(text: &str) -> BTreeSet<ServiceName> {
    let file = SourceMap::default().add("compose.yml", text);
    compose::read(file, text).map(|file| started(&file).collect()).unwrap_or_default()
}

/// Where commits take the place of git references, in the order of the text. A reference that an alias repeats is one
/// place.
fn pins(compose: &ComposeFile, sources: &SourceMap) -> Vec<Pin> {
    let contexts = compose.services.iter().filter_map(|service| service.build.as_ref()?.git.as_ref());
    let pins: BTreeSet<Pin> = contexts
        .filter_map(|git| {
            let place = pin_place(sources, git)?;
            let (bytes, reference) = (place.range(), sources.slice(place).to_owned());
            Some(Pin { start: bytes.start, end: bytes.end, repository: git.repository.clone(), reference })
        })
        .collect();
    pins.into_iter().collect()
}
