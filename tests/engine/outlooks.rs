//! Why a run does not begin, of whatever was surveyed: held against rules that are written down here once more.

use super::fake::options;
use super::plan::schedule;
use crate::support::dice::{Dice, each};
use rollout_plan::compose::{Port, Protocol};
use rollout_plan::engine::*;
use rollout_plan::schedule::Schedule;
use std::collections::BTreeSet;
use std::net::IpAddr;

const DRAWN: usize = 1500;

#[derive(Debug)]
struct Drawn {
    plan: Schedule,
    options: Options,
    survey: Survey,
}

impl Drawn {
    fn draw(dice: &mut Dice) -> Self {
        let rarely = |dice: &mut Dice| dice.roll(5) == 0;
        let mut plan = schedule();
        for phase in &mut plan.phases {
            let services: Vec<String> = phase.services.iter().cloned().collect();
            for service in services {
                if dice.roll(3) == 0 {
                    let port = |dice: &mut Dice| Port {
                        host_ip: dice
                            .one_of(&[None, None, Some("127.0.0.1"), Some("0.0.0.0"), Some("::1")])
                            .map(|ip| ip.parse::<IpAddr>().unwrap()),
                        host: dice.one_of(&[Some(80), Some(81), Some(82), None]),
                        container: 80,
                        protocol: dice.one_of(&[Protocol::Tcp, Protocol::Tcp, Protocol::Udp]),
                    };
                    let ports = (0..=dice.roll(2)).map(|_| port(dice)).collect();
                    phase.ports.insert(service.clone(), ports);
                }
                if rarely(dice) {
                    phase.container_names.insert(service, dice.one_of(&["proxy", "cache"]).to_owned());
                }
            }
            // A comment, that makes it too long at times.
            phase.text.push('#');
            phase.text += &"x".repeat(if rarely(dice) && rarely(dice) { dice.one_of(&[40_000, 95_000]) } else { 0 });
            phase.text.push('\n');
        }
        let host = |dice: &mut Dice| HostContainer {
            name: dice.one_of(&["proxy", "cache", "web"]).to_owned(),
            ours: rarely(dice),
            ports: (0..dice.roll(3))
                .map(|_| {
                    let (address, port) = (dice.one_of(&["127.0.0.1", "0.0.0.0", "::", "10.0.0.7"]), dice.one_of(&[80, 81, 82, 8080]));
                    (address.to_owned(), port, dice.one_of(&["tcp", "tcp", "TCP", "udp"]).to_owned())
                })
                .collect(),
            running: !rarely(dice),
        };
        let hosts: Vec<HostContainer> = (0..dice.roll(3)).map(|_| host(dice)).collect();
        let job = |dice: &mut Dice| QueuedJob { title: format!("job {}", dice.roll(9)), this_app: rarely(dice), active: dice.roll(2) == 0 };
        let rights = [Right::Service, Right::CreateServices, Right::Docker, Right::Deployments];
        let untested = || Box::new(Untested { allow: "0.31".to_owned(), why: "it is too new".to_owned() });
        let survey = Survey {
            version: "v0.30.2".to_owned(),
            text: dice.one_of(&["", "", "", "services:\n  old: {image: old}\n"]).to_owned(),
            environment_bytes: dice.one_of(&[0, 0, 0, 55_000, 95_000]),
            containers: if rarely(dice) { Observed::Unknown("silence".to_owned()) } else { Observed::Known(Vec::new()) },
            host: if rarely(dice) { None } else { Some(hosts) },
            server: dice.one_of(&[None, Some("s".to_owned())]),
            queue: (0..dice.roll(3)).map(|_| job(dice)).collect(),
            running_row: rarely(dice).then(|| dice.one_of(&["by hand", "plan run=x phase=core try=1"]).to_owned()),
            unsupported: if rarely(dice) { vec!["it is a stack".to_owned(), "it is random".to_owned()] } else { Vec::new() },
            missing_rights: if rarely(dice) { rights.into_iter().filter(|_| dice.roll(3) == 0).collect() } else { Vec::new() },
            untested: rarely(dice).then(untested),
            ..Survey::default()
        };
        let allow_version = dice.one_of(&[None, Some("0.31"), Some("v0.31"), Some("0.32")]).map(str::to_owned);
        Self { plan, survey, options: Options { adopt: dice.roll(3) == 0, allow_version, ..options() } }
    }

    fn refused_for(&self) -> Vec<String> {
        let (survey, mut why) = (&self.survey, Vec::new());
        let is_allowed = self.options.allow_version.as_deref().is_some_and(|version| version.ends_with("0.31"));
        why.extend((survey.untested.is_some() && !is_allowed).then(|| "it is too new".to_owned()));
        why.extend(survey.unsupported.iter().cloned());
        let hosts = survey.host.iter().flatten().filter(|host| !host.ours).collect::<Vec<_>>();
        let mut taken = Vec::new();
        for phase in &self.plan.phases {
            for (service, ports) in &phase.ports {
                for port in ports.iter().filter(|port| port.host.is_some()) {
                    let (number, kind) = (port.host.unwrap(), if port.protocol == Protocol::Udp { "udp" } else { "tcp" });
                    let holder = hosts.iter().filter(|host| host.running).find(|host| {
                        host.ports
                            .iter()
                            .any(|(at, other, theirs)| *other == number && theirs.to_lowercase() == kind && meet(port.host_ip, at))
                    });
                    taken.extend(
                        holder
                            .map(|host| format!("host port {number}/{kind} of service `{service}` is taken by container `{}`", host.name)),
                    );
                }
            }
            for (service, name) in &phase.container_names {
                let is_taken = hosts.iter().any(|host| host.name == *name);
                taken.extend(is_taken.then(|| format!("container name `{name}` of service `{service}` is taken")));
            }
        }
        let mut told = BTreeSet::new();
        why.extend(taken.into_iter().filter(|one| told.insert(one.clone())));
        // What is added when it is sent does not matter: the sizes are far from the limit.
        let too_large = |text: &str| text.len() + survey.environment_bytes > LARGEST_TEXT_AND_ENVIRONMENT;
        why.extend(self.plan.phases.iter().filter(|phase| too_large(&phase.text)).map(|phase| format!("phase `{}`", phase.name)));
        let is_foreign = !survey.text.is_empty() && !self.options.adopt;
        why.extend(is_foreign.then(|| "no phase of this plan".to_owned()));
        why
    }
}

/// Whether two listen at one address.
fn meet(ours: Option<IpAddr>, theirs: &str) -> bool {
    let theirs: IpAddr = theirs.parse().unwrap();
    ours.is_none_or(|ours| ours.is_unspecified() || theirs.is_unspecified() || ours == theirs)
}

/// In a word, how it ends: `""` when nothing is in the way.
fn is_as_it_should(drawn: &Drawn) -> &'static str {
    let survey = &drawn.survey;
    let (_, reason) = outlook(&drawn.plan, &drawn.options, survey);
    let missing = [
        (Right::Service, "assigned to the key's user"),
        (Right::CreateServices, "Create Services"),
        (Right::Docker, "Access to Docker"),
        (Right::Deployments, "read deployments"),
    ];
    let is_silent = survey.host.is_none() && matches!(survey.containers, Observed::Unknown(_));
    let running = survey.running_row.as_deref();
    let waiting = survey.queue.iter().find(|job| job.this_app);
    match (reason, drawn.refused_for()) {
        (Some(Reason::CouldNotAsk { why }), _) if !survey.missing_rights.is_empty() => {
            assert!(missing.iter().all(|(right, words)| why.contains(words) == survey.missing_rights.contains(right)), "{why}");
            "rights"
        }
        (Some(Reason::CouldNotAsk { why }), _) => {
            assert!(is_silent && survey.missing_rights.is_empty(), "{why}");
            assert_eq!(why.contains("~/.bashrc"), survey.server.is_some(), "{why}");
            "silence"
        }
        (Some(Reason::Refused { why }), expected) => {
            assert!(survey.missing_rights.is_empty() && !is_silent && !expected.is_empty(), "{why:?}");
            // A foreign text is shown with what is different.
            assert!(why.len() == expected.len() || why.len() == expected.len() + 1, "{why:#?}, and not {expected:#?}");
            for (said, words) in why.iter().zip(&expected) {
                assert!(said.contains(words.as_str()), "{words} in {said}");
            }
            "refused"
        }
        (Some(Reason::Busy { who }), expected) => {
            assert_eq!(expected, Vec::<String>::new());
            let title = running.or(waiting.map(|job| job.title.as_str())).expect("somebody is at work");
            assert!(who.contains(&format!("\"{title}\"")), "{who}");
            assert_eq!(who.contains("run of plan"), title.starts_with("plan run="), "{who}");
            let state = if running.is_some() {
                "is running"
            } else if waiting.unwrap().active {
                "worked on"
            } else {
                "waiting in the queue"
            };
            assert!(who.contains(state), "{who}");
            "busy"
        }
        (None, expected) => {
            assert!(survey.missing_rights.is_empty() && !is_silent && running.is_none() && waiting.is_none());
            assert_eq!(expected, Vec::<String>::new());
            ""
        }
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_is_in_the_way_is_told_and_nothing_else() {
    let ends = each(0x0075_1005, DRAWN, Drawn::draw, is_as_it_should);
    assert_eq!(ends, BTreeSet::from(["", "busy", "refused", "rights", "silence"]));
}
